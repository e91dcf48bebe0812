"""Parses and writes JSON without losing a digit; all packages use it.

Python's parser turns ``1e400`` into infinity and ``0.10`` into ``0.1``. Here an integer becomes an ``int``; any other
number becomes a `Number`, which keeps its original text. One canonical form (names sorted, no spaces, ASCII) is used
for digests, keys and the overflow column ``extra``.
"""

import json
from collections.abc import Iterator
from typing import Any, NoReturn

import simplejson

__all__ = ["MAX_DEPTH", "Json", "Number", "canonical", "is_empty", "pretty", "pretty_pieces", "read", "tidy"]

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


_EXACT: dict[str, Any] = {"parse_float": Number, "parse_constant": _not_json}
_DECODER = json.JSONDecoder(**_EXACT)  # made once, as the encoder below


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
            return _DECODER.decode(text) if type(text) is str else json.loads(text, **_EXACT)
        except json.JSONDecodeError:
            raise
        except ValueError as error:
            # Python parses no int of more than 4,300 digits; JSON allows them.
            if "limit" not in str(error):
                raise
            return json.loads(text, parse_int=_integer, **_EXACT)
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


def pretty_pieces(value: Any, indent: str = "") -> Iterator[str]:
    """Yield the text of `pretty` in pieces, for a document that is too large to be held.

    Args:
        value: Json, in which an iterator stands for a list. Its items are made one at a time. It is the document, or a
            member of an object that is the document or an item of another such iterator.
    """
    deeper = f"{indent}  "
    if isinstance(value, Iterator):
        begin = "["
        for item in value:
            yield f"{begin}\n{deeper}"
            yield from pretty_pieces(item, deeper)
            begin = ","
        yield "[]" if begin == "[" else f"\n{indent}]"
    elif isinstance(value, dict) and any(isinstance(member, Iterator) for member in value.values()):
        begin = "{"
        for name, member in value.items():
            yield f"{begin}\n{deeper}{pretty(name)}: "
            yield from pretty_pieces(member, deeper)
            begin = ","
        yield f"\n{indent}}}"
    else:
        yield pretty(value).replace("\n", f"\n{indent}")  # ASCII: no text in it has a line feed


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
