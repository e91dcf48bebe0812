"""Converts values of the API to column values, and back.

A kind is named for meaning and unit. `read` returns the column's value and whether `write` would give the original
value back exactly; if not, the caller stores the original in ``extra``. A value that cannot be converted raises
`Misfit`, which has the expected form and never the value.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from inventory.common.exact_json import Json, Number

__all__ = [
    "BOOLEAN",
    "BOOLEAN_NUMBER",
    "BOOLEAN_TEXT",
    "BYTES",
    "EPOCH_MS",
    "INTEGER",
    "INTEGER_OR_TEXT",
    "INTEGER_TEXT",
    "ISO_TIME",
    "TEXT",
    "UNSTORABLE",
    "UNSTORABLE_IN_KEY",
    "Kind",
    "Misfit",
    "rfc3339",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PLAIN_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})\Z", re.ASCII)
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # not allowed in PostgreSQL's text, or in UTF-8
UNSTORABLE_IN_KEY = re.compile("[\x00-\x1f\ud800-\udfff]")  # the view `changes` spells keys in JSON, in plain SQL
_LAST_MS = 253402300799999  # 9999-12-31T23:59:59.999Z, the maximum of datetime


class Misfit(Exception):  # noqa: N818  # a word of the domain, never seen by a user
    """A value that its column cannot hold. kind: of the finding. expected: for the finding's detail."""

    def __init__(self, expected: str, kind: str = "wrong_type") -> None:
        super().__init__(expected)
        self.expected = expected
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Kind:
    """A wire form and its column's type. sql: a key of `tables._SQL`. wire: the form in words.

    flags: of a boolean that is sent as something else: the values for false and true. Another value leaves the column
    NULL; whether that gives a finding depends on the documented values.
    """

    name: str
    sql: str
    wire: str
    read: Callable[[Json], tuple[Any, bool]]
    write: Callable[[Any], Json]
    either: bool = False  # documented in two forms: neither gives a finding, `write` uses the newer one
    flags: tuple[Json, Json] | None = None


def _text(value: Json) -> tuple[str, bool]:
    if isinstance(value, str):
        if UNSTORABLE.search(value):
            raise Misfit("text without NUL or lone surrogates", "unstorable_text")
        return value, True
    if isinstance(value, bool):
        return ("true" if value else "false"), False
    if isinstance(value, int):
        return str(value), False
    if isinstance(value, Number):
        return value.encoded_json, False
    raise Misfit("text")


def _integer(value: Json) -> tuple[int, bool]:
    if isinstance(value, bool):
        raise Misfit("integer")
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise Misfit("integer of 64 bits")
        return value, True
    if isinstance(value, str) and _PLAIN_INTEGER.match(value):
        return _integer(int(value))[0], False
    if isinstance(value, Number):
        whole, point, fraction = value.encoded_json.partition(".")
        if point and not fraction.strip("0") and _PLAIN_INTEGER.match(whole):
            return _integer(int(whole))[0], False
    raise Misfit("integer")


def _integer_text(value: Json) -> tuple[int, bool]:
    number, _ = _integer(value)
    return number, isinstance(value, str) and str(number) == value


def _boolean(value: Json) -> tuple[bool, bool]:
    if isinstance(value, bool):
        return value, True
    if value in ("true", "false"):
        return value == "true", False
    raise Misfit("boolean")


def _boolean_kind(name: str, wire: str, false: Json, true: Json) -> Kind:
    """Make the kind of a boolean that is sent as one of two texts or numbers. The case of a text is ignored."""
    states = {str(false): False, str(true): True}

    def read(value: Json) -> tuple[bool | None, bool]:
        if isinstance(value, bool):
            return value, False
        if not isinstance(value, str | int):
            raise Misfit(wire)
        found = states.get(str(value).lower())
        return found, found is not None and write(found) == value

    def write(value: bool) -> Json:  # noqa: FBT001  # a column's value
        return true if value else false

    return Kind(name, "boolean", wire, read, write, flags=(false, true))


def _time(value: Json) -> tuple[datetime | None, str]:
    """Read epoch milliseconds or ISO 8601 text. Returns the instant and its wire form."""
    if isinstance(value, int) and not isinstance(value, bool):
        return _from_ms(value), "number"
    if isinstance(value, str):
        if value == "0":
            return None, "unset"
        if _PLAIN_INTEGER.match(value):
            return _from_ms(int(value)), "ms"
        return _from_iso(value), "iso"
    raise Misfit("time")


def _from_ms(ms: int) -> datetime:
    if not 0 < ms <= _LAST_MS:
        raise Misfit("milliseconds since 1970 (UTC)")
    return _EPOCH + timedelta(milliseconds=ms)


def _from_iso(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Misfit("milliseconds since 1970 or ISO 8601 with its zone") from None


def _read_as(form: str, write: Callable[[datetime], str]) -> Callable[[Json], tuple[datetime | None, bool]]:
    def read(value: Json) -> tuple[datetime | None, bool]:
        moment, wire_form = _time(value)
        if moment is None:
            return None, wire_form == "unset"
        return moment, wire_form == form and write(moment) == value

    return read


def _to_ms(moment: datetime) -> str:
    return str((moment - _EPOCH) // timedelta(milliseconds=1))


def _to_iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc3339(moment: datetime) -> str:
    """Return an instant as RFC 3339 in UTC, ``YYYY-MM-DDTHH:MM:SS.ffffffZ``: in digests, documents and SQLite."""
    return moment.astimezone(UTC).isoformat("T", "microseconds")[:26] + "Z"


def _same(value: Any) -> Json:
    return value


def _not_readable(_: Json) -> tuple[Any, bool]:
    raise Misfit("nothing: it is ours")


BYTES = Kind("bytes", "bytes", "none", _not_readable, _same)
TEXT = Kind("text", "text", "text", _text, _same)
INTEGER = Kind("integer", "integer", "integer", _integer, _same)
INTEGER_OR_TEXT = Kind("integer", "integer", "integer, or integer as text", _integer, _same, either=True)
INTEGER_TEXT = Kind("integer_text", "integer", "integer as text", _integer_text, str)
BOOLEAN = Kind("boolean", "boolean", "boolean", _boolean, _same)
BOOLEAN_TEXT = _boolean_kind("boolean_text", "true or false as text", "false", "true")
BOOLEAN_NUMBER = _boolean_kind("boolean_number", "0 or 1", 0, 1)
EPOCH_MS = Kind("epoch_ms", "time", "milliseconds since 1970 as text", _read_as("ms", _to_ms), _to_ms)
ISO_TIME = Kind("iso_time", "time", "ISO 8601 text, UTC", _read_as("iso", _to_iso), _to_iso)
