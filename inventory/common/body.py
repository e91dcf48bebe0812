"""The body of an answer, which may be too large to hold."""

from typing import IO

__all__ = ["Body", "BodyFile"]


class BodyFile:
    """A body that is too large to hold, in a temporary file that is gone when nobody has it any more."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def __del__(self) -> None:
        self.file.close()

    def part(self, begin: int, end: int) -> bytes:
        """Return some of its bytes."""
        self.file.seek(begin)
        return self.file.read(end - begin)

    def whole(self) -> bytes:
        """Return all of it."""
        self.file.seek(0)
        return self.file.read()


Body = bytes | BodyFile
