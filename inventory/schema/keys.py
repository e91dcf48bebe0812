"""Key parts that any database holds, whatever the service sent."""

import hashlib

from inventory.schema.fields import KEY_BYTES
from inventory.schema.kinds import UNSTORABLE

__all__ = ["digest16", "key_text", "storable"]


def digest16(text: str) -> str:
    """Return 16 hex digits of SHA-256: the name of what has no name."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def storable(text: str) -> str:
    """Escape NUL and lone surrogates, which no database takes as text."""
    return UNSTORABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def key_text(text: str) -> str:
    """Return the text as a key part: escaped, and where too long for an index cut and completed by its hash."""
    plain = storable(text)
    if plain == text and len(plain) * 4 <= KEY_BYTES:
        return plain
    raw = plain.encode()
    if len(raw) <= KEY_BYTES:
        return plain
    return raw[: KEY_BYTES - 17].decode(errors="ignore") + "~" + digest16(text)
