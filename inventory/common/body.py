"""The body of a response, in memory or, if it is large, in a file."""

from typing import IO

__all__ = ["Body", "BodyFile"]


class BodyFile:
    """A large body in a temporary file, which is closed and deleted together with this object."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def __del__(self) -> None:
        self.file.close()

    def part(self, begin: int, end: int) -> bytes:
        """Return the bytes from `begin` to `end`."""
        self.file.seek(begin)
        return self.file.read(end - begin)

    def whole(self) -> bytes:
        """Return all bytes."""
        self.file.seek(0)
        return self.file.read()


Body = bytes | BodyFile
