"""Cuts the long lists of objects out of an answer that is too large for memory.

The job is the same with and without cutting (a test compares them). A list with an unexpected form is not cut: then
the answer is parsed as a whole, with the memory that this needs.
"""

import os
import re
from collections.abc import Sequence
from typing import IO

import msgspec

__all__ = ["PIECE", "CannotSplit", "Span", "cut"]

PIECE = 1024 * 1024  # bytes

_SPACE = rb"[ \t\r\n]*+"
# An object without nested lists or objects; brackets in strings are allowed. The decoder checks its contents.
_OBJECT = rb'\{(?:[^"{}\[\]]*+"[^"\\]*+(?:\\.[^"\\]*+)*+")*+[^"{}\[\]]*+\}'
_NEXT = _SPACE + _OBJECT + _SPACE
_OBJECTS = re.compile(rb"(?:%b,|%b,)*+(?:%b\])?+" % (_OBJECT, _NEXT, _NEXT), re.DOTALL)
# A member of this name. The same text inside a string has a backslash before its quotes.
_OPENING = re.compile(rb'(?<!\\)"object_infos"[ \t\r\n]{0,9}:[ \t\r\n]{0,9}\[')
_MAX_OPENING = 64  # bytes, at least as long as any match of _OPENING

Span = tuple[int, int]  # begin and end in the body


class CannotSplit(Exception):  # noqa: N818  # never seen by a user
    """The answer cannot be cut."""


class _CutResult(msgspec.Struct):
    """A result, with the member that shows which list was cut out of it."""

    object_infos: msgspec.Raw = msgspec.Raw(b"")


class _Answer(msgspec.Struct):
    results: list[_CutResult]


class _Window:
    """A file that is read forward. held: the bytes in memory. begin: their position in the file."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._size = size
        self.held, self.begin = b"", 0

    def fill(self) -> bytes:
        """Read until the window is full or the file ends."""
        while len(self.held) < self._size and (more := self._file.read(self._size - len(self.held))):
            self.held += more
        return self.held

    def take_searched(self) -> bytes:
        """Take all bytes except the last ones, where an opening may begin."""
        return self.take(len(self.held) - (_MAX_OPENING if len(self.held) == self._size else 0))

    def take(self, size: int) -> bytes:
        """Move forward by `size` bytes and return them."""
        taken, self.held = self.held[:size], self.held[size:]
        self.begin += len(taken)
        return taken


def cut(file: IO[bytes], piece: int = PIECE) -> tuple[bytes, dict[int, list[Span]]]:
    """Cut the long lists of objects out of a body.

    Args:
        piece: the bytes of a list that are processed together; a shorter list is not cut.

    Raises:
        CannotSplit: a list has an unexpected form, or does not belong to a result.

    Returns:
        The body with empty lists in their place, and the pieces of each list by the index of its result.
    """
    window, texts, lists = _Window(file, piece), [bytearray()], []
    while window.fill():
        found = _OPENING.search(window.held)
        texts[-1] += window.take(found.end()) if found else window.take_searched()
        if found and (spans := _pieces(window)):
            lists.append(spans)
            texts.append(bytearray())
    return b"]".join(texts), {place: lists[number] for place, number in (_owners(texts) if lists else {}).items()}


def _pieces(window: _Window) -> list[Span]:
    """Move past a list after its opening; return its pieces. A list that fits into the window is not cut."""
    spans: list[Span] = []
    while True:
        found = _OBJECTS.match(window.fill())
        end = found.end() if found else 0
        last = window.held[max(end - 1, 0) : end]
        if not spans and last != b",":
            return []
        if not last:
            raise CannotSplit
        spans.append((window.begin, window.begin + end - 1))
        window.take(end)
        if last == b"]":
            return spans


def _owners(texts: Sequence[bytes | bytearray]) -> dict[int, int]:
    """Return, for each result whose list was cut out, the number of that list.

    A unique random text is put in the place of each list. If the parsed answer does not have it as the member of a
    result, the list belonged to something else.
    """
    mark = os.urandom(16).hex()
    numbers = {f'["{mark} {number}"]'.encode(): number for number in range(len(texts) - 1)}
    marked = b"".join(text + number[1:] for text, number in zip(texts, (*numbers, b"["), strict=True))
    try:
        results = msgspec.json.decode(marked, type=_Answer).results
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise CannotSplit from None
    own = [bytes(result.object_infos) for result in results]
    found = {place: numbers[text] for place, text in enumerate(own) if text in numbers}
    if len(found) != len(numbers):
        raise CannotSplit
    return found
