"""Masks secrets in a job's document before a row, a recording or a finding can exist.

The schema says which members are secret; a member that it does not know is judged by its name, at every
depth; texts that quote errors are searched for passwords. Masking twice gives what masking once gave,
so a recording that was masked when it was written reads back the same.
"""

import hashlib
import hmac
import re
from typing import Any

from inventory.jsontext import Json, canonical, is_empty
from inventory.schema.plan import Branch, Leaf, Plan, Shape, plan_of
from inventory.settings import Settings

__all__ = ["MASK", "Redactor", "is_free_map", "is_mask", "looks_secret", "same_fingerprint_key"]

MASK = "***"
_STARS = re.compile(r"\*+\Z")
_FINGERPRINT = re.compile(r"hmac:([0-9a-f]{8}):[0-9a-f]{64}\Z")

_SECRET_WORDS = ("password", "passwd", "secret", "token", "credential", "privatekey", "accesskey")
_SECRET_NAMES = ("sslcertkey", "truststorekey", "keystorekey")
_ERROR_WORDS = ("error", "reason", "message", "msg")
_NOT_A_LETTER = re.compile(r"[^a-z0-9]")

# Over-masking an error text is cheap, a leak is not: an unquoted password ends at white space, & or ; alone.
# Every repetition that a text could drive over and over is bounded: the text's size is the service's.
_ASSIGNED = re.compile(
    r"""(?ix) ( (?: password | passwd | pwd | secret | token | credential | private_?key | access_?key )
        [\w.-]{0,40} \\?["']? \s{0,9} [=:] \s{0,9} | \b identified \s{1,9} by \s{1,9} )
        ( \\"[^"\\]*\\" | "(?:[^"\\]|\\.)*" | '[^']*' | \\?["']?[^\s&;"']+ )"""
)
_IN_URLS = (  # up to the last @ before white space: a password may itself hold @ or /
    re.compile(r"(://[^\s:/@?#]{0,200}:)\S{0,1000}(@)"),
    re.compile(r"(?i)(jdbc:oracle:\w{1,20}:[^\s/@]{1,200}/)\S{0,1000}(@)"),
    re.compile(r"(\b[\w.-]{1,100}:)(?!//)[^\s:/@]{1,200}(@[\w(\[])"),  # user:password@tcp(host)
)


def is_mask(value: Json) -> bool:
    """Tell whether a value is a mask already: ours, or the service's own ``******``."""
    return isinstance(value, str) and bool(_STARS.match(value) or _FINGERPRINT.match(value))


def looks_secret(name: str) -> bool:
    """Judge a member that has no column by its name, however it is spelt (``privateKey``, ``DB-PASSWORD``)."""
    plain = _NOT_A_LETTER.sub("", name.lower())
    return any(word in plain for word in _SECRET_WORDS) or plain.endswith(_SECRET_NAMES)


class Redactor:
    """Replaces secrets by ``***``, or with a fingerprint key by ``hmac:KEYID:HEX``, so that a rotation shows."""

    def __init__(self, fingerprint_key: str | None = None, columns: frozenset[str] = frozenset()) -> None:
        """Take the HMAC key, if any, and further ``table.column`` names to treat like secrets."""
        self.key = fingerprint_key
        self._key = fingerprint_key.encode() if fingerprint_key else None
        self.columns = columns
        self.key_id = self._hmac(b"inventory key id")[:8] if self._key else ""

    @classmethod
    def of(cls, settings: Settings) -> "Redactor":
        """Mask as the configuration says."""
        return cls(settings.fingerprint_key, settings.redact)

    def job(self, document: dict[str, Json]) -> dict[str, Json]:
        """Return a masked copy of one result of batch-detail."""
        plan = plan_of("jobs")
        return self._object(plan, plan.shape, document)

    def listing(self, item: dict[str, Json]) -> dict[str, Json]:
        """Return a masked copy of one element of the list API's `jobs`, or of its `children`."""
        plan = plan_of("job_listings")
        return self._object(plan, plan.shape, item)

    def answer(self, document: Json) -> Json:
        """Return a masked copy of a whole answer of either call, for a recording; masking it again changes nothing."""
        if not isinstance(document, dict):
            return self.loose("", document, texts=True)
        return {name: self._top(name, value) for name, value in document.items()}

    def _top(self, name: str, value: Json) -> Json:
        if name == "data_transformation":
            return self.job({name: value})[name]
        each = {"results": self.job, "jobs": self.listing}.get(name)
        if each is None or not isinstance(value, list):
            return self.loose(name, value)
        return [each(item) if isinstance(item, dict) else self.loose("", item, texts=True) for item in value]

    def loose(self, name: str, value: Json, *, texts: bool = False) -> Json:
        """Return a masked copy of a member that the schema does not know, judged by its name."""
        if looks_secret(name):
            return self.mask(value)
        texts = texts or any(word in name.lower() for word in _ERROR_WORDS)
        if isinstance(value, dict):
            return {inner: self.loose(inner, member, texts=texts) for inner, member in value.items()}
        if isinstance(value, list):
            return [self.loose("", item, texts=texts) for item in value]
        return self.text(value) if texts and isinstance(value, str) else value

    def text(self, text: str) -> str:
        """Mask the passwords that an error text quotes."""
        text = _ASSIGNED.sub(self._assigned, text)
        for pattern in _IN_URLS:
            text = pattern.sub(rf"\1{MASK}\2", text)
        return text

    @staticmethod
    def _assigned(match: re.Match[str]) -> str:
        quote = match[2][: 1 if match[2][0] in "\"'" else 2 if match[2][0] == "\\" else 0]
        return f"{match[1]}{quote}{MASK}{quote}"

    def _object(self, plan: Plan, shape: Shape, members: dict[str, Json]) -> dict[str, Json]:
        return {name: self._member(plan, shape.members.get(name), name, value) for name, value in members.items()}

    def _member(self, plan: Plan, part: Any, name: str, value: Json) -> Json:
        if isinstance(part, Leaf):
            return self._leaf(plan, part, value)
        if isinstance(part, Shape) and isinstance(value, dict):
            return self._object(plan, part, value)
        if isinstance(part, Branch):
            if part.place.many and isinstance(value, list):
                return [self._item(part, item) for item in value]
            if not part.place.many and isinstance(value, dict):
                return self._object(part.plan, part.plan.shape, value)
        return self.loose(name, value)

    def _item(self, branch: Branch, item: Json) -> Json:
        plan = branch.plan
        if plan.shape.element is not None:
            return self._leaf(plan, plan.shape.element, item)
        if isinstance(item, dict):
            if branch.place.pairs and is_free_map(item):
                value = plan.shape.members["value"]
                return {key: self._member(plan, value, "value", member) for key, member in item.items()}
            return self._object(plan, plan.shape, item)
        return self.loose("", item)

    def _leaf(self, plan: Plan, leaf: Leaf, value: Json) -> Json:
        if leaf.api.secret or (self.columns and f"{plan.entity.name}.{leaf.name}" in self.columns):
            return self.mask(value)
        if not isinstance(value, dict | list) and not leaf.api.error_text:
            return value
        return self.loose("", value, texts=leaf.api.error_text)

    def mask(self, value: Json) -> Json:
        """Return what stands in the place of a secret; nothing in the place of nothing."""
        if is_empty(value):
            return value
        if isinstance(value, str):
            known = _FINGERPRINT.match(value)
            if _STARS.match(value) or (known and self._key and known[1] == self.key_id):
                return value
        if self._key is None:
            return MASK
        text = value if isinstance(value, str) else canonical(value)
        return f"hmac:{self.key_id}:{self._hmac(text.encode('utf-8', 'surrogatepass'))}"

    def _hmac(self, message: bytes) -> str:
        return hmac.new(self._key or b"", message, hashlib.sha256).hexdigest()


def is_free_map(item: dict[str, Json]) -> bool:
    """Tell the example's form of a tag, ``{k: v, k2: v2}``, from the documented ``{"key": k, "value": v}``."""
    return "key" not in item and not item.keys() <= {"value"}


def same_fingerprint_key(one: str, other: str) -> bool:
    """Tell whether two masks are fingerprints under the same key, so that a difference means a rotation."""
    first, second = _FINGERPRINT.match(one), _FINGERPRINT.match(other)
    return first is not None and second is not None and first[1] == second[1]
