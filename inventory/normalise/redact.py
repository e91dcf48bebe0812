"""Masks secrets in a job's document before rows, recordings or findings are made of it.

The schema declares which members are secret and which are free texts. A member that is not in the schema is judged by
its name, at every depth, and its texts are searched. A column of known form (an id, an enumeration, a number, an
address, the name of an object) is not searched. Masking is idempotent, so a masked recording can be masked again
without a change.
"""

import hashlib
import hmac
import re
from typing import Any

from inventory.common.exact_json import Json, canonical, is_empty
from inventory.common.masks import FINGERPRINT, MASK, STARS, is_free_map
from inventory.config.settings import Settings
from inventory.normalise.secret_names import holds_secret, introduces_secret, is_name_member, is_value_member
from inventory.normalise.secret_texts import mask_text
from inventory.schema.kinds import TEXT
from inventory.schema.layout import Branch, Layout, Leaf, Shape, layout_of

__all__ = ["Redactor"]

_NAME = re.compile(r"[\w .-]{1,99}\Z")


class Redactor:
    """Replaces secrets with ``***``, or with ``hmac:KEYID:HEX`` if there is a fingerprint key: shows a rotation."""

    def __init__(self, fingerprint_key: str | None = None, columns: frozenset[str] = frozenset()) -> None:
        """`fingerprint_key`: for HMAC. `columns`: further ``table.column`` names to treat like secrets."""
        self.key = fingerprint_key
        self._key = fingerprint_key.encode() if fingerprint_key else None
        self.columns = columns
        self.key_id = self._hmac(b"inventory key id")[:8] if self._key else ""

    @classmethod
    def of(cls, settings: Settings) -> "Redactor":
        """Return the redactor of a configuration."""
        return cls(settings.fingerprint_key, settings.redact)

    def job(self, document: dict[str, Json]) -> dict[str, Json]:
        """Return a masked copy of one result of batch-detail."""
        layout = layout_of("jobs")
        return self._object(layout, layout.shape, document)

    def listing(self, item: dict[str, Json]) -> dict[str, Json]:
        """Return a masked copy of one element of the list API's `jobs`, or of its `children`."""
        layout = layout_of("job_listings")
        return self._object(layout, layout.shape, item)

    def answer(self, document: Json) -> Json:
        """Return a masked copy of a whole answer of either call, for a recording. Idempotent."""
        if not isinstance(document, dict):
            return self.undeclared("", document)
        return {name: self._top(name, value) for name, value in document.items()}

    def _top(self, name: str, value: Json) -> Json:
        if name == "data_transformation":
            return self.job({name: value})[name]
        each = {"results": self.job, "jobs": self.listing}.get(name)
        if each is None or not isinstance(value, list):
            return self.undeclared(name, value)
        return [each(item) if isinstance(item, dict) else self.undeclared("", item) for item in value]

    def undeclared(self, name: str, value: Json) -> Json:
        """Return a masked copy of an undeclared member: judged by its name, and its texts are searched."""
        if holds_secret(name):
            return self.mask(value)
        if isinstance(value, dict):
            named = any(is_name_member(inner) and _is_named_secret(member) for inner, member in value.items())
            return {
                inner: self.mask(member) if named and is_value_member(inner) else self.undeclared(inner, member)
                for inner, member in value.items()
            }
        if isinstance(value, list):
            return self._undeclared_list(value)
        return mask_text(value) if isinstance(value, str) else value

    def _undeclared_list(self, items: list[Json]) -> list[Json]:
        """Mask X in ``["password", X]`` and ``["--password", X]`` too: a pair, or the words of a command."""
        found: list[Json] = []
        for at, item in enumerate(items):
            before = items[at - 1] if at else None
            is_named = _is_named_secret(before) and (len(items) == 2 or str(before).startswith("-"))
            found.append(self.mask(item) if is_named else self.undeclared("", item))
        return found

    def pair(self, item: dict[str, Json]) -> dict[str, Json]:
        """Return a masked copy of a tag, in either of its two forms. The key decides whether the value is secret."""
        if is_free_map(item):
            return {key: self._tag(key, member) for key, member in item.items()}
        key = str(item.get("key"))
        return {
            name: self._tag(key, member) if name == "value" else self.undeclared("" if name == "key" else name, member)
            for name, member in item.items()
        }

    def _tag(self, key: str, value: Json) -> Json:
        if introduces_secret(key) or "tags.value" in self.columns:
            return self.mask(value)
        return mask_text(value) if isinstance(value, str) else self.undeclared("", value)

    def _object(self, layout: Layout, shape: Shape, members: dict[str, Json]) -> dict[str, Json]:
        return {name: self._member(layout, shape.members.get(name), name, value) for name, value in members.items()}

    def _member(self, layout: Layout, part: Any, name: str, value: Json) -> Json:
        if isinstance(part, Leaf):
            return self._leaf(layout, part, value)
        if isinstance(part, Shape) and isinstance(value, dict):
            return self._object(layout, part, value)
        if isinstance(part, Branch):
            if part.place.many and isinstance(value, list):
                return [self._item(part, item) for item in value]
            if not part.place.many and isinstance(value, dict):
                return self._object(part.layout, part.layout.shape, value)
        return self.undeclared(name, value)

    def _item(self, branch: Branch, item: Json) -> Json:
        layout = branch.layout
        if layout.shape.element is not None:
            return self._leaf(layout, layout.shape.element, item)
        if isinstance(item, dict):
            return self.pair(item) if branch.place.pairs else self._object(layout, layout.shape, item)
        return self.undeclared("", item)

    def _leaf(self, layout: Layout, leaf: Leaf, value: Json) -> Json:
        if leaf.api.secret or (self.columns and f"{layout.entity.name}.{leaf.name}" in self.columns):
            return self.mask(value)
        if leaf.api.free_text or isinstance(value, dict | list) or not _is_of_known_form(leaf, value):
            return self.undeclared("", value)
        return value

    def mask(self, value: Json) -> Json:
        """Return the mask of a secret; an empty value stays as it is."""
        if is_empty(value):
            return value
        if isinstance(value, str):
            known = FINGERPRINT.match(value)
            if STARS.match(value) or (known and self._key and known[1] == self.key_id):
                return value
        if self._key is None:
            return MASK
        text = value if isinstance(value, str) else canonical(value)
        return f"hmac:{self.key_id}:{self._hmac(text.encode('utf-8', 'surrogatepass'))}"

    def _hmac(self, message: bytes) -> str:
        return hmac.new(self._key or b"", message, hashlib.sha256).hexdigest()


def _is_of_known_form(leaf: Leaf, value: Json) -> bool:
    """Return whether a value has the declared form: text in a text column, and a documented value of an enumeration."""
    return leaf.api.kind is TEXT and (not leaf.values or not isinstance(value, str) or value.lower() in leaf.values)


def _is_named_secret(value: Json) -> bool:
    """Return whether a text is the name of a secret, such as "password": the value next to it is secret."""
    return isinstance(value, str) and introduces_secret(value) and bool(_NAME.match(value))
