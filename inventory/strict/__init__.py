"""The short way: a result of batch-detail that is exactly as documented becomes rows and digest in one go.

In: the bytes of one result. Out: what masking, `normalise` and `job_proof` would have made of it, or None where
it is for them to say: an unknown field, a wrong type, a key that repeats. Most of a night's results come this way.
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256
from json.encoder import encode_basestring_ascii
from typing import Any

import msgspec

from inventory import __version__
from inventory.digest import hashed, part_of
from inventory.findings import Finding
from inventory.jsontext import DEEPEST, Json, canonical, is_empty, read
from inventory.normalise import NormalisedJob, normalise, unknown_value
from inventory.prepare import Asked, Prepared, Same, prepare, prepared
from inventory.redact import Redactor
from inventory.schema import REVISION
from inventory.schema.jobs import is_deleted
from inventory.schema.keys import digest16
from inventory.schema.kinds import Misfit, stored_time
from inventory.secret_texts import mask_text
from inventory.strict.code import generate

__all__ = ["Preparer", "Short", "Strict"]

Row = tuple[Any, ...]
_RESULT = DEEPEST - 2  # levels of nesting inside a result: the answer and its list take two
_MOST = 2**63
_UNSTORABLE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")  # NUL, or half a character, perhaps


class Refused(Exception):  # noqa: N818  # a word of the domain, never seen by a user
    """The short way does not cover this."""


class Preparer:
    """Makes ready what an answer of batch-detail holds. Safe to share between threads."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._strict = Strict(redactor)
        self._split = msgspec.json.Decoder(_Body).decode

    def body(self, content: bytes, asked: Asked) -> dict[str, Json] | None:
        """Prepare every result of a body.

        Returns:
            ``{"count", "results"}`` with a `Prepared` or `Same` for each result; None where the body is anything but
            the documented answer with each result about another one of the ids.
        """
        try:
            body = self._split(content)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        results = []
        for raw in body.results:
            result = self._result(bytes(raw), asked)
            if result is None:
                return None
            results.append(result)
        if len({each.job_id for each in results}) != len(results):
            return None
        return {"count": body.count, "results": results}

    def _result(self, raw: bytes, asked: Asked) -> Prepared | Same | None:
        short = self._strict.read(raw, asked)
        if isinstance(short, Same):
            return short
        if short is not None:
            return _of(short)
        try:
            result = read(raw, deepest=_RESULT)
        except ValueError:
            return None
        if not isinstance(result, dict):
            return None
        status, job_id = result.get("status"), result.get("id")
        is_job = not is_deleted(status) and not (is_empty(status) and is_empty(result.get("name")))
        if not is_job or not isinstance(job_id, str) or job_id not in asked:
            return None
        return prepare(normalise(job_id, self._redactor.job(result)))

    def objects(self, raw: bytes, job_id: str) -> Prepared | None:
        """Prepare some of a job's `object_infos`, a list of objects as it came, by themselves."""
        short = self._strict.objects(raw, job_id)
        if short is not None:
            return _of(short)
        try:
            document = {"object_infos": read(raw, deepest=_RESULT)}
        except ValueError:
            return None
        job = normalise(job_id, self._redactor.job(document))
        return prepare(NormalisedJob(job_id, {"object_infos": job.rows["object_infos"]}, job.findings))


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    """The documented answer (Table 5)."""

    results: list[msgspec.Raw]
    count: int | str | None = None


class Strict:
    """Reads results the short way. Safe to share between threads."""

    def __init__(self, redactor: Redactor) -> None:
        """Compile it."""
        code = generate(redactor.columns)
        names: dict[str, Any] = {
            "FALSE": "false", "M": _MOST, "Refused": Refused, "TRUE": "true",
            "canonical": canonical, "comma": ",".join, "digest16": digest16,
            "join": _joined, "mask": redactor.mask, "mask_pair": redactor.pair, "mask_text": mask_text,
            "moment": _moment, "pairs": _pairs, "q": encode_basestring_ascii, "rfc": _rfc, "sha256": sha256,
            "unless_empty": _unless_empty, "whole": _whole, **code.names,
        }  # fmt: skip
        exec(compile(code.source, "<the short way>", "exec"), names)  # noqa: S102  # text of ours, from the schema
        self._rows: Callable[..., None] = names["rows_jobs"]
        self._masked: Callable[[Any], Any] = names["mask_jobs"]
        # What a job comes to depends on these too.
        self._salt = canonical([REVISION, __version__, redactor.key_id, sorted(redactor.columns)]).encode()
        self._object_rows: Callable[..., None] = names["rows_object_infos"]
        self._masked_object: Callable[[Any], Any] = names.get("mask_object_infos", lambda each: each)
        self._decode = msgspec.json.Decoder(code.job).decode
        one_object = names["T_object_infos"]
        self._decode_objects = msgspec.json.Decoder(list[one_object]).decode  # type: ignore[valid-type]

    def read(self, raw: bytes, asked: Asked) -> "Short | Same | None":
        """Return what one result comes to; `Same` where that was served before; None for the long way to decide."""
        try:
            job = self._masked(self._decode(raw))
            if job.id not in asked or not (job.status or job.name) or is_deleted(job.status):
                return None
            salt, before = asked[job.id]
            served: bytes = hashed(b"%b\n%b\n%b" % (self._salt, salt, msgspec.json.encode(job))).digest()
            if served == before:
                return Same(job.id)
            if _is_unstorable(raw):
                return None
            short = _turned(self._rows, [job], None, job.id)
        except (msgspec.MsgspecError, UnicodeDecodeError, Refused):
            return None
        short.served = None if short.findings else served
        return short

    def objects(self, raw: bytes, job_id: str) -> "Short | None":
        """Return what some of a job's `object_infos`, a list as it came, come to; None for the long way to decide."""
        if _is_unstorable(raw):
            return None
        try:
            objects = [self._masked_object(each) for each in self._decode_objects(raw)]
            return _turned(self._object_rows, objects, "object_infos[]", job_id)
        except (msgspec.MsgspecError, UnicodeDecodeError, Refused):
            return None


class Short:
    """What one job comes to: its rows by table, their marks, and findings.

    served: the digest of what was served, where seeing it again tells all; secrets masked, for whoever reads it
    could else try passwords until one fits.
    """

    __slots__ = ("findings", "job_id", "marks", "rows", "served")

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.served: bytes | None = None
        self.rows: dict[str, list[Row]] = {}
        self.marks: dict[str, bytes] = {}
        self.findings: list[Finding] = []

    def of(self, table: str) -> list[Row]:
        return self.rows.setdefault(table, [])

    def unknown(self, at: str | None, path: str, value: Any, known: frozenset[Any]) -> None:
        """Note a value that is not documented, unless it is in other letters."""
        if not (isinstance(value, str) and value.lower() in known):
            if isinstance(value, str) and mask_text(value) != value:
                raise Refused  # it is no value of an enumeration
            self.findings += unknown_value(self.job_id, _joined(at, path), value)


def _of(short: Short) -> Prepared:
    parts = [part_of(sorted(short.marks.items()))]
    return prepared(short.job_id, short.rows, parts, short.findings, short.served)


def _is_unstorable(raw: bytes) -> bool:
    return b"\\u" in raw and _UNSTORABLE.search(raw) is not None


def _turned(rows: Callable[..., None], items: list[Any], at: str | None, job_id: str) -> Short:
    short = Short(job_id)
    rows(items, at, job_id, encode_basestring_ascii(job_id), role=None, item="", single=False, out=short)
    if len(short.marks) != sum(map(len, short.rows.values())):
        raise Refused  # a key repeats
    return short


def _joined(at: str | None, path: str) -> str:
    return path if at is None else f"{at}.{path}" if path else at


def _unless_empty(value: Json) -> Json:
    return None if value == "" else value


def _whole(text: str) -> int:
    """Return the number that a text spells in the one way that gives it back."""
    if len(text) > 19 or not text.isascii() or not text.removeprefix("-").isdecimal():
        raise Refused
    number = int(text)
    if str(number) != text or not -_MOST <= number < _MOST:
        raise Refused
    return number


def _moment(text: str, read: Callable[[Json], tuple[datetime | None, bool]]) -> str | None:
    try:
        moment, exact = read(text)
    except Misfit:
        raise Refused from None
    if not exact:
        raise Refused
    return None if moment is None else stored_time(moment)


def _rfc(stored: str) -> str:
    return f"{stored[:10]}T{stored[11:]}Z"


def _pairs(items: Sequence[dict[str, str | None]], struct: type[Any]) -> list[Any]:
    """Return tags as structs, in whichever of their two forms they came."""
    found = []
    for item in items:
        if item.keys() <= {"key", "value"} and ("key" in item or item.keys() <= {"value"}):
            found.append(struct(**item))
        elif "key" in item:
            raise Refused
        else:
            found += [struct(key=key, value=value) for key, value in item.items()]
    return found
