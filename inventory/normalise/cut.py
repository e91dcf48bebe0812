"""The long lists of objects are cut out of an answer that is too large to hold.

What is cut and what is not gives the same job (a test holds them together); whatever is odd about a list is left to
those who read the answer as a whole, and take the memory that it takes.
"""

import os
import re
from collections.abc import Sequence
from typing import IO

import msgspec

__all__ = ["PIECE", "CannotSplit", "Span", "cut"]

PIECE = 1024 * 1024  # bytes

_SPACE = rb"[ \t\r\n]*+"
# An object without lists or objects inside; a bracket inside a text is text. What it holds is for the decoder to judge.
_OBJECT = rb'\{(?:[^"{}\[\]]*+"[^"\\]*+(?:\\.[^"\\]*+)*+")*+[^"{}\[\]]*+\}'
_NEXT = _SPACE + _OBJECT + _SPACE
_OBJECTS = re.compile(rb"(?:%b,|%b,)*+(?:%b\])?+" % (_OBJECT, _NEXT, _NEXT), re.DOTALL)
# A member of this name: a text that holds the same has a backslash before its quotes.
_OPENING = re.compile(rb'(?<!\\)"object_infos"[ \t\r\n]{0,9}:[ \t\r\n]{0,9}\[')
_LONGEST = 64  # bytes of an opening, and more

Span = tuple[int, int]  # where in the body it begins and ends


class CannotSplit(Exception):  # noqa: N818  # never seen by a user
    """It cannot be cut, or not into this."""


class _Own(msgspec.Struct):
    """A result, as far as it tells whose list was cut out."""

    object_infos: msgspec.Raw = msgspec.Raw(b"")


class _Answer(msgspec.Struct):
    results: list[_Own]


class _Window:
    """A file read forward: `held` begins at `begin`."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._size = size
        self.held, self.begin = b"", 0

    def fill(self) -> bytes:
        """Hold as much as it may hold, or what is left."""
        while len(self.held) < self._size and (more := self._file.read(self._size - len(self.held))):
            self.held += more
        return self.held

    def pass_by(self) -> bytes:
        """Take all but what may be the beginning of an opening."""
        return self.take(len(self.held) - (_LONGEST if len(self.held) == self._size else 0))

    def take(self, size: int) -> bytes:
        """Go forward; return what was passed."""
        taken, self.held = self.held[:size], self.held[size:]
        self.begin += len(taken)
        return taken


def cut(file: IO[bytes], piece: int = PIECE) -> tuple[bytes, dict[int, list[Span]]]:
    """Cut the long lists of objects out of a body.

    Args:
        piece: how many bytes of a list are looked at together: a shorter list is not cut.

    Raises:
        CannotSplit: a list is not what it should be, or nobody's.

    Returns:
        The body with empty lists in their place, and the pieces of each list by the place of its result.
    """
    window, texts, lists = _Window(file, piece), [bytearray()], []
    while window.fill():
        found = _OPENING.search(window.held)
        texts[-1] += window.take(found.end()) if found else window.pass_by()
        if found and (spans := _pieces(window)):
            lists.append(spans)
            texts.append(bytearray())
    return b"]".join(texts), {place: lists[number] for place, number in (_owners(texts) if lists else {}).items()}


def _pieces(window: _Window) -> list[Span]:
    """Pass a list behind its opening; return where its pieces are. One that fits into the window is left."""
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
    """Return for each result whose list was cut out the number of that list.

    For this something that stands nowhere else is put in each list's place: where it does not come back as the
    member of a result, the list was another's.
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
