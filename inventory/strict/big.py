"""An answer that is too large to hold: its long lists of objects are cut out and prepared piece by piece.

A job may name a million objects, 100 MB of JSON, and its rows are ten times that in memory. So the body stays in the
file that it was written to, and what memory holds is the answer without those lists, one piece of one list, and the
digests. What is cut and what is not gives the same job (a test holds them together); whatever is odd about a list is
left to those who read the answer as a whole, and take the memory that it takes.
"""

import marshal
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from threading import Lock
from typing import IO

import msgspec

from inventory.digest import Part, Proof, RepeatedKeyError, proof_of
from inventory.errors import StoreError
from inventory.exchange import Body
from inventory.findings import Finding
from inventory.jsontext import Json
from inventory.normalise import Row
from inventory.prepare import Asked, PreparedJob
from inventory.redact import Redactor
from inventory.strict import Normaliser

__all__ = ["AnySize", "Big", "Spool"]

PIECE = 1024 * 1024  # bytes

_SPACE = rb"[ \t\r\n]*+"
# An object without lists or objects inside; a bracket inside a text is text. What it holds is for the decoder to judge.
_OBJECT = rb'\{(?:[^"{}\[\]]*+"[^"\\]*+(?:\\.[^"\\]*+)*+")*+[^"{}\[\]]*+\}'
_NEXT = _SPACE + _OBJECT + _SPACE
_OBJECTS = re.compile(rb"(?:%b,|%b,)*+(?:%b\])?+" % (_OBJECT, _NEXT, _NEXT), re.DOTALL)
# A member of this name: a text that holds the same has a backslash before its quotes.
_OPENING = re.compile(rb'(?<!\\)"object_infos"[ \t\r\n]{0,9}:[ \t\r\n]{0,9}\[')
_LONGEST = 64  # bytes of an opening, and more

_Span = tuple[int, int]  # where in the body it begins and ends


class AnySize:
    """Makes ready what an answer of batch-detail holds, however large it is. Safe to share between threads."""

    def __init__(self, redactor: Redactor, piece: int = PIECE) -> None:
        """Take what masks, and how many bytes of a list are looked at together: a shorter list is not cut."""
        self._piece = piece
        self._small = Normaliser(redactor)
        # Threads that compute side by side in one interpreter take turns at every step: half as fast.
        self._alone = Lock()

    def body(self, content: Body, asked: Asked) -> dict[str, Json] | None:
        """Prepare every result of a body; see `Normaliser.body`."""
        with self._alone:
            return self._small.body(content, asked) if isinstance(content, bytes) else self._large(content, asked)

    def _large(self, content: IO[bytes], asked: Asked) -> dict[str, Json] | None:
        try:
            rest, lists = _cut(content, self._piece)
            # Nothing is what was served before: what is left of a job does not tell.
            answer = self._small.body(rest, {job_id: (salt, None) for job_id, (salt, _) in asked.items()})
            if answer is None:
                return None
            for place, spans in lists.items():
                answer["results"][place] = self._whole(answer["results"][place], content, spans)
        except (CannotSplit, RepeatedKeyError, OSError):
            return None
        return answer

    def _whole(self, rest: PreparedJob, content: IO[bytes], spans: Iterable[_Span]) -> "Big":
        """Put a job together: what was left of it, and the pieces of its list."""
        spool = Spool(TemporaryFile())  # noqa: SIM115  # the last who has it closes it
        parts = [spool.add(rest)]
        findings = dict.fromkeys(rest.findings)
        for begin, end in spans:
            content.seek(begin)
            piece = self._small.objects(b"[%b]" % content.read(end - begin), rest.job_id)
            if piece is None:
                raise CannotSplit
            parts.append(spool.add(piece))
            findings |= dict.fromkeys(piece.findings)
        return _proven(rest.job_id, parts, tuple(findings), spool)


class Spool:
    """The rows of a job in a file that is gone when nobody has it any more: pieces, each with its proof."""

    def __init__(self, file: IO[bytes], size: int = 0) -> None:
        """Take the file: a new one, or that of another process, which has so many pieces."""
        self._file = file
        self.size = size

    def __del__(self) -> None:
        self._file.close()

    def fileno(self) -> int:
        """Return the descriptor, for another process."""
        return self._file.fileno()

    def add(self, piece: PreparedJob) -> Part:
        """Add some rows; return what proves them.

        Raises:
            OSError: there is no room.
        """
        (part,) = piece.parts
        self._file.seek(0, 2)
        marshal.dump((part.digests, part.marks, piece.packed), self._file)
        self._file.flush()
        self.size += 1
        return part

    def __iter__(self) -> Iterator[tuple[Part, bytes]]:
        self._file.seek(0)
        for _ in range(self.size):
            digests, marks, packed = marshal.load(self._file)  # noqa: S302  # ours, of this run
            yield Part(digests, marks), packed


@dataclass(frozen=True, slots=True)
class Big(PreparedJob):
    """A job whose rows, and what proves them, wait in a file."""

    proof: Proof = field(kw_only=True)
    spool: Spool = field(kw_only=True)

    @property
    def pieces(self) -> Iterator[tuple[str, list[Row]]]:
        """See `PreparedJob.pieces`."""
        for _, packed in self.spool:
            yield from marshal.loads(packed).items()  # noqa: S302  # ours, of this run

    def joined(self, other: PreparedJob) -> "Big":
        """See `PreparedJob.joined`.

        Raises:
            StoreError: there is no room.
        """
        try:
            self.spool.add(other)
        except OSError as error:
            hint = "Make room in the folder for temporary files (TMPDIR), and run it again"
            raise StoreError(f"a temporary file cannot be written: {error.strerror}", hint) from None
        return _proven(self.job_id, [part for part, _ in self.spool], (*self.findings, *other.findings), self.spool)


def _proven(job_id: str, parts: Sequence[Part], findings: tuple[Finding, ...], spool: Spool) -> Big:
    return Big(job_id, (), findings, b"", proof=proof_of(parts), spool=spool)


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


def _cut(file: IO[bytes], piece: int) -> tuple[bytes, dict[int, list[_Span]]]:
    """Cut the long lists of objects out of a body.

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


def _pieces(window: _Window) -> list[_Span]:
    """Pass a list behind its opening; return where its pieces are. One that fits into the window is left."""
    spans: list[_Span] = []
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
