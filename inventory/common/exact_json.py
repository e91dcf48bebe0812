"""JSON in and out without losing a digit: what every package reads and writes documents with.

Python's own reader turns ``1e400`` into infinity and ``0.10`` into ``0.1``. Here an integer becomes an
``int``; any other number stays a `Number`, which remembers how it was written. The one canonical form
(names sorted, no spaces, ASCII) serves digests, keys and the ``extra`` column alike.
"""

import json
from typing import Any, NoReturn

import simplejson

__all__ = ["DEEPEST", "Json", "Number", "canonical", "is_empty", "pretty", "read", "tidy"]

type_of: dict[type, str] = {
    str: "text",
    bool: "boolean",
    int: "integer",
    list: "list",
    dict: "object",
    type(None): "null",
}

DEEPEST = 200  # levels of nesting that every package can walk through without running out of stack

Json = Any  # dict, list, str, int, bool, None or Number, as `read` gives them


class Number(simplejson.RawJSON):
    """A JSON number that is not a plain integer, kept exactly as it was written."""

    encoded_json: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Number) and other.encoded_json == self.encoded_json

    def __hash__(self) -> int:
        return hash(self.encoded_json)

    def __repr__(self) -> str:
        return f"Number({self.encoded_json!r})"


def _not_json(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def read(text: str | bytes, deepest: int | None = None) -> Json:
    """Parse one JSON document.

    Args:
        deepest: levels of nesting that are taken; what comes from outside has `DEEPEST`.

    Raises:
        ValueError: not JSON (`NaN` and `Infinity` included), not UTF-8, or nested too deeply to hold.
    """
    document = _parsed(text)
    if deepest is not None and _is_deeper(document, deepest):
        raise ValueError("nested too deeply")
    return document


def _is_deeper(value: Json, levels: int) -> bool:
    level = [value]
    for _ in range(levels):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return True


def _parsed(text: str | bytes) -> Json:
    try:
        try:
            return json.loads(text, parse_float=Number, parse_constant=_not_json)
        except json.JSONDecodeError:
            raise
        except ValueError as error:
            # Python refuses to make an int of more than 4,300 digits; JSON does not forbid them.
            if "limit" not in str(error):
                raise
            return json.loads(text, parse_float=Number, parse_int=_integer, parse_constant=_not_json)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _integer(literal: str) -> int | Number:
    return int(literal) if len(literal) <= 4000 else Number(literal)


_CANONICAL = simplejson.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)  # once: it takes half


def canonical(value: Json) -> str:
    """Return the one ASCII spelling of a value: names sorted by code point, no spaces."""
    return str(_CANONICAL.encode(value))


def pretty(value: Json, indent: int | None = 2) -> str:
    """Return JSON for people and other tools; ASCII, so no control character reaches a terminal."""
    return str(simplejson.dumps(value, indent=indent, ensure_ascii=True))


def is_empty(value: Json) -> bool:
    """Tell whether a member says nothing: null, empty text, empty list, empty object."""
    return value is None or (isinstance(value, str | list | dict) and not value)


def tidy(value: Json) -> Json:
    """Drop the members that say nothing, at every depth, and put lists in canonical order.

    Absent, null and empty members are one, and the order of lists carries nothing (the contract); so
    two answers that differ only in these are equal after this.
    """
    if isinstance(value, dict):
        kept = {name: tidy(member) for name, member in value.items()}
        return {name: member for name, member in kept.items() if not is_empty(member)}
    if isinstance(value, list):
        return sorted((tidy(item) for item in value), key=canonical)
    return value


def kind_of(value: Json) -> str:
    """Name the JSON type of a value for a finding: text, integer, number, boolean, list, object, null."""
    return type_of.get(type(value), "number")
