"""File permissions that protect secrets."""

import os
from pathlib import Path

__all__ = ["readable_by_others"]


def readable_by_others(path: Path) -> bool:
    """Tell whether the file's group or all users may read it; False on Windows, and where nothing can be told."""
    if os.name == "nt":
        return False
    try:
        return bool(path.stat().st_mode & 0o044)
    except OSError:
        return False
