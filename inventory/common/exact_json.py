"""Parses and writes JSON without losing a digit; all packages use it.

Python's parser turns ``1e400`` into infinity and ``0.10`` into ``0.1``. Here an integer becomes an ``int``; any other
number becomes a `Number`, which keeps its original text. One canonical form (names sorted, no spaces, ASCII) is used
for digests, keys and the overflow column ``extra``.
"""

import json
from typing import Any, NoReturn

import simplejson

__all__ = ["MAX_DEPTH", "Json", "Number", "canonical", "is_empty", "pretty", "read", "tidy"]

type_of: dict[type, str] = {
    str: "text",
    bool: "boolean",
    int: "integer",
    list: "list",
    dict: "object",
    type(None): "null",
}

MAX_DEPTH = 200  # levels of nesting that recursive functions can handle without a stack overflow

Json = Any  # dict, list, str, int, bool, None or Number, as `read` returns them


class Number(simplejson.RawJSON):
    """A JSON number that is not a plain integer, with its original text."""

    encoded_json: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Number) and other.encoded_json == self.encoded_json

    def __hash__(self) -> int:
        return hash(self.encoded_json)

    def __repr__(self) -> str:
        return f"Number({self.encoded_json!r})"


def _not_json(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def read(text: str | bytes, max_depth: int | None = None) -> Json:
    """Parse one JSON document.

    Args:
        max_depth: the allowed levels of nesting; `MAX_DEPTH` for documents from outside.

    Raises:
        ValueError: not JSON (`NaN` and `Infinity` included), not UTF-8, or nested too deeply.
    """
    document = _parsed(text)
    if max_depth is not None and _is_deeper(document, max_depth):
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
            # Python parses no int of more than 4,300 digits; JSON allows them.
            if "limit" not in str(error):
                raise
            return json.loads(text, parse_float=Number, parse_int=_integer, parse_constant=_not_json)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _integer(literal: str) -> int | Number:
    return int(literal) if len(literal) <= 4000 else Number(literal)


# Made once: creating it takes as long as encoding a small value.
_CANONICAL = simplejson.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def canonical(value: Json) -> str:
    """Return the canonical JSON of a value in ASCII: names sorted by code point, no spaces."""
    return str(_CANONICAL.encode(value))


def pretty(value: Json, indent: int | None = 2) -> str:
    """Return JSON for people and other tools; ASCII, so no control character reaches a terminal."""
    return str(simplejson.dumps(value, indent=indent, ensure_ascii=True))


def is_empty(value: Json) -> bool:
    """Return whether a value is empty: null, empty text, empty list, empty object."""
    return value is None or (isinstance(value, str | list | dict) and not value)


def tidy(value: Json) -> Json:
    """Remove empty members at every depth, and sort lists in canonical order.

    Absent, null and empty members count as equal, and the order of lists has no meaning (the contract). Two answers
    that differ only in these are equal after this.
    """
    if isinstance(value, dict):
        kept = {name: tidy(member) for name, member in value.items()}
        return {name: member for name, member in kept.items() if not is_empty(member)}
    if isinstance(value, list):
        return sorted((tidy(item) for item in value), key=canonical)
    return value


def kind_of(value: Json) -> str:
    """Return the JSON type of a value for a finding: text, integer, number, boolean, list, object, null."""
    return type_of.get(type(value), "number")
