"""The masks that replace secrets, and how to recognise them. Imports little: commands that only read use it.

`redact` replaces secrets with masks, and has the patterns that find secrets.
"""

import re

from inventory.common.exact_json import Json

__all__ = ["FINGERPRINT", "MASK", "STARS", "is_free_map", "is_mask", "same_fingerprint_key"]

MASK = "***"
STARS = re.compile(r"\*+\Z")
FINGERPRINT = re.compile(r"hmac:([0-9a-f]{8}):[0-9a-f]{64}\Z")


def is_mask(value: Json) -> bool:
    """Return whether a value is a mask: one of `redact`, or the service's own ``******``."""
    return isinstance(value, str) and bool(STARS.match(value) or FINGERPRINT.match(value))


def is_free_map(item: dict[str, Json]) -> bool:
    """Return whether a tag has the example's form ``{k: v, k2: v2}``, not the documented ``{"key": k, "value": v}``."""
    return "key" not in item and not item.keys() <= {"value"}


def same_fingerprint_key(one: str, other: str) -> bool:
    """Return whether two masks are fingerprints with the same key, so that a difference means a rotation."""
    first, second = FINGERPRINT.match(one), FINGERPRINT.match(other)
    return first is not None and second is not None and first[1] == second[1]
