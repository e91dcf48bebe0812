"""What masks let one see: a masked value says that there is one, and rarely whether it is the same."""

from inventory.common.exact_json import Json, canonical
from inventory.common.masks import MASK, is_mask, same_fingerprint_key

__all__ = ["agree"]


def agree(old: Json, new: Json) -> bool:
    """Tell whether two values are one, as far as can be told: a mask may stand for anything but nothing.

    Only two fingerprints under one key can differ. All else (``***``, the service's own ``******``, another
    key or secret setting) cannot be compared.
    """
    if old is None or new is None:
        return old is new
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(agree(member, new[name]) for name, member in old.items())
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(agree, sorted(old, key=_bare), sorted(new, key=_bare)))
    if is_mask(old) or is_mask(new):
        both = is_mask(old) and is_mask(new)
        return old == new or not (both and same_fingerprint_key(old, new))
    if isinstance(old, str) and isinstance(new, str):
        return old == new
    return canonical(old) == canonical(new)


def _bare(item: Json) -> str:
    """Spell an item so that its place among others does not depend on its masks."""
    return canonical(_without_masks(item))


def _without_masks(item: Json) -> Json:
    if isinstance(item, dict):
        return {name: _without_masks(member) for name, member in item.items()}
    if isinstance(item, list):
        return sorted((_without_masks(each) for each in item), key=canonical)
    return MASK if is_mask(item) else item
