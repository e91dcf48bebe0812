"""Unpacks bodies, piece by piece, each piece into so many bytes at most: a few KiB may stand for GiB."""

import re
import zlib
from typing import Protocol

from inventory.source.transport import TransportError

__all__ = ["PackedError", "Unpacker", "unpacker_for"]

_GZIP = b"\x1f\x8b"  # what each member begins with
_ZLIB = 0x08  # the low half of the byte that a zlib stream begins with; others call the raw stream `deflate`
_REPACKED = "A proxy on the way may have packed the answer again. It must leave answers from this address as they are"
_STRANGE = re.compile(r"[^A-Za-z0-9.,_+-]")


class PackedError(TransportError):
    """A body is packed in a way that was not asked for."""


class Unpacker(Protocol):
    """Takes a body's pieces in turn."""

    def unpack(self, piece: bytes, most: int) -> bytes:
        """Return what a piece holds, cut after `most` bytes. Raises zlib.error where it cannot be unpacked."""

    def is_whole(self) -> bool:
        """Tell whether the body is complete."""


def unpacker_for(encodings: str, status: int) -> Unpacker:
    """Return what unpacks a body.

    Args:
        encodings: of Content-Encoding. What names no encoding is legal.
        status: of the answer. A packed error page is left as it is: its status says enough.

    Raises:
        PackedError: it is packed in a way that was not asked for.
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
    name = _STRANGE.sub("?", ", ".join(named).replace(", ", ","))[:40]
    reason = f"the body is packed as {name}, which was not asked for"
    raise PackedError(reason, retry=False, hint=_REPACKED)


class _Plain:
    def unpack(self, piece: bytes, most: int) -> bytes:  # noqa: ARG002  # one signature for all
        return piece

    def is_whole(self) -> bool:
        return True


class _Gzip:
    """Members one after another, as RFC 1952 allows; what follows the last and is none is left out, as urllib3 does."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self._rest = b""
        self._is_begun = self._is_over = False

    def unpack(self, piece: bytes, most: int) -> bytes:
        pieces: list[bytes] = []
        piece = self._rest + piece
        self._rest = b""
        while piece and most > 0 and self._has_more(piece):
            pieces.append(self._member.decompress(piece, most))
            most -= len(pieces[-1])
            piece = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
        return b"".join(pieces)

    def is_whole(self) -> bool:
        return self._member.eof or not self._is_begun

    def _has_more(self, piece: bytes) -> bool:
        """Tell whether a piece belongs to a member, and begin that where it is a further one."""
        self._is_begun = True
        if not self._member.eof:
            return True
        if piece == _GZIP[:1]:  # the next piece tells
            self._rest = piece
            return False
        self._is_over = self._is_over or not piece.startswith(_GZIP)
        if not self._is_over:
            self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        return not self._is_over


class _Deflate:
    def __init__(self) -> None:
        self._stream: zlib._Decompress | None = None

    def unpack(self, piece: bytes, most: int) -> bytes:
        if self._stream is None and piece:
            self._stream = zlib.decompressobj(zlib.MAX_WBITS if piece[0] & 0x0F == _ZLIB else -zlib.MAX_WBITS)
        return b"" if self._stream is None or self._stream.eof else self._stream.decompress(piece, most)

    def is_whole(self) -> bool:
        return self._stream is None or self._stream.eof
