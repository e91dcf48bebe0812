"""Converts any text of the service into a key part that both databases can store."""

import hashlib

from inventory.schema.fields import KEY_BYTES
from inventory.schema.kinds import UNSTORABLE_IN_KEY

__all__ = ["digest16", "key_text", "storable"]


def digest16(text: str) -> str:
    """Return 16 hex digits of SHA-256: the content hash of an item without a key."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def storable(text: str) -> str:
    """Escape lone surrogates, which the databases do not accept, and control characters, which SQL cannot spell."""
    return UNSTORABLE_IN_KEY.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def key_text(text: str) -> str:
    """Return the text as a key part: escaped, and if it is too long for an index, cut and followed by its hash."""
    plain = storable(text)
    if plain == text and len(plain) * 4 <= KEY_BYTES:
        return plain
    raw = plain.encode()
    if len(raw) <= KEY_BYTES:
        return plain
    return raw[: KEY_BYTES - 17].decode(errors="ignore") + "~" + digest16(text)
