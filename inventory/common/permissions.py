"""Checks whether file permissions protect secrets."""

import os
import stat
from pathlib import Path

__all__ = ["readable_by_others"]


def readable_by_others(path: Path) -> bool:
    """Return whether other users can read a file; False on Windows, for a pipe, and if it cannot be found out.

    Group permission counts only if this user owns the file: root may share a file with a service through its group.
    """
    try:
        found = path.stat()
    except (OSError, ValueError):
        return False
    if os.name == "nt" or not stat.S_ISREG(found.st_mode):
        return False
    group = stat.S_IRGRP if found.st_uid == os.geteuid() else 0
    return bool(found.st_mode & (stat.S_IROTH | group))
