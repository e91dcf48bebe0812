"""Decompresses bodies piece by piece, with a limit for each piece: a few KiB may decompress to GiB."""

import re
import zlib
from typing import Protocol

from inventory.source.transport import TransportError

__all__ = ["EncodingError", "Unpacker", "unpacker_for"]

_GZIP_MAGIC = b"\x1f\x8b"  # the first bytes of each gzip member
_ZLIB_METHOD = 0x08  # the low half of the first byte of a zlib stream; some servers send a raw stream as `deflate`
_HINT = "A proxy on the way may have packed the answer again. It must leave answers from this address as they are"
_UNSAFE = re.compile(r"[^A-Za-z0-9.,_+-]")


class EncodingError(TransportError):
    """The body has a content encoding that was not requested."""


class Unpacker(Protocol):
    """Takes the pieces of a body one after another."""

    def unpack(self, piece: bytes, limit: int) -> bytes:
        """Return the decompressed piece, at most `limit` bytes. Raises zlib.error if it is invalid."""

    def is_whole(self) -> bool:
        """Return whether the body is complete."""


def unpacker_for(encodings: str, status: int) -> Unpacker:
    """Return the unpacker for a body.

    Args:
        encodings: the value of Content-Encoding; it may be empty.
        status: of the response. An error page with another encoding is not decompressed: its status is enough.

    Raises:
        EncodingError: the encoding was not requested.
    """
    named = [each for each in (part.strip().lower() for part in encodings.split(",")) if each not in ("", "identity")]
    if not named:
        return _Plain()
    if named in (["gzip"], ["x-gzip"]):
        return _Gzip()
    if named == ["deflate"]:
        return _Deflate()
    if not 200 <= status < 300:
        return _Plain()
    name = _UNSAFE.sub("?", ", ".join(named).replace(", ", ","))[:40]
    reason = f"the body is packed as {name}, which was not asked for"
    raise EncodingError(reason, retry=False, hint=_HINT)


class _Plain:
    def unpack(self, piece: bytes, limit: int) -> bytes:  # noqa: ARG002  # one signature for all
        return piece

    def is_whole(self) -> bool:
        return True


class _Gzip:
    """One or more gzip members, as RFC 1952 allows. Other bytes after the last member are ignored, as in urllib3."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self._pending = b""
        self._has_started = self._has_ended = False

    def unpack(self, piece: bytes, limit: int) -> bytes:
        pieces: list[bytes] = []
        piece = self._pending + piece
        self._pending = b""
        while piece and limit > 0 and self._has_more(piece):
            pieces.append(self._member.decompress(piece, limit))
            limit -= len(pieces[-1])
            piece = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
        return b"".join(pieces)

    def is_whole(self) -> bool:
        return self._member.eof or not self._has_started

    def _has_more(self, piece: bytes) -> bool:
        """Return whether a piece belongs to a member; start a new member if necessary."""
        self._has_started = True
        if not self._member.eof:
            return True
        if piece == _GZIP_MAGIC[:1]:  # the next piece is needed to decide
            self._pending = piece
            return False
        self._has_ended = self._has_ended or not piece.startswith(_GZIP_MAGIC)
        if not self._has_ended:
            self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        return not self._has_ended


class _Deflate:
    def __init__(self) -> None:
        self._stream: zlib._Decompress | None = None

    def unpack(self, piece: bytes, limit: int) -> bytes:
        if self._stream is None and piece:
            self._stream = zlib.decompressobj(zlib.MAX_WBITS if piece[0] & 0x0F == _ZLIB_METHOD else -zlib.MAX_WBITS)
        return b"" if self._stream is None or self._stream.eof else self._stream.decompress(piece, limit)

    def is_whole(self) -> bool:
        return self._stream is None or self._stream.eof
