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

from inventory.codegen import generate
from inventory.digest import SHORT
from inventory.findings import Finding
from inventory.jsontext import Json, canonical
from inventory.normalise import unknown_value
from inventory.redact import Redactor
from inventory.schema.keys import digest16
from inventory.schema.kinds import Misfit, stored_time

__all__ = ["Short", "Strict"]

Row = tuple[Any, ...]
_MOST = 2**63
_UNSTORABLE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")  # NUL, or half a character, perhaps


class Refused(Exception):  # noqa: N818  # a word of the domain, never seen by a user
    """The short way does not cover this."""


class Strict:
    """Reads results the short way. Safe to share between threads."""

    def __init__(self, redactor: Redactor) -> None:
        """Compile it."""
        code = generate(redactor.columns)
        names: dict[str, Any] = {
            "M": _MOST, "Refused": Refused, "SHORT": SHORT, "canonical": canonical, "digest16": digest16,
            "error_text": redactor.text, "join": _joined, "mask": redactor.mask, "moment": _moment, "pairs": _pairs,
            "q": encode_basestring_ascii, "refuse": _refuse, "rfc": _rfc, "sha256": sha256,
            "unless_empty": _unless_empty, "whole": _whole, **code.names,
        }  # fmt: skip
        exec(compile(code.source, "<the short way>", "exec"), names)  # noqa: S102  # text of ours, from the schema
        self._rows: Callable[..., None] = names["rows_jobs"]
        self._decode = msgspec.json.Decoder(code.job).decode

    def read(self, raw: bytes, ids: Sequence[str]) -> "Short | None":
        """Return what one result comes to; None where the long way has to decide."""
        if b"\\u" in raw and _UNSTORABLE.search(raw):
            return None
        try:
            job: Any = self._decode(raw)
            if job.id not in ids or not (job.status or job.name):
                return None
            short = Short(job.id)
            self._rows(
                [job], None, job.id, encode_basestring_ascii(job.id), role=None, item="", single=False, out=short
            )
        except (msgspec.MsgspecError, UnicodeDecodeError, Refused):
            return None
        return short


class Short:
    """What one job comes to: its rows by table, the digest and the mark of each, and findings."""

    __slots__ = ("digests", "findings", "job_id", "marks", "rows")

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.rows: dict[str, list[Row]] = {}
        self.digests: list[str] = []
        self.marks: list[str] = []
        self.findings: list[Finding] = []

    def of(self, table: str) -> list[Row]:
        return self.rows.setdefault(table, [])

    def unknown(self, at: str | None, path: str, value: Any, known: frozenset[Any]) -> None:
        """Note a value that is not documented, unless it is in other letters."""
        if not (isinstance(value, str) and value.lower() in known):
            self.findings += unknown_value(self.job_id, _joined(at, path), value)


def _joined(at: str | None, path: str) -> str:
    return path if at is None else f"{at}.{path}" if path else at


def _refuse(value: Json) -> None:
    if value is not None and value != "":
        raise Refused


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
