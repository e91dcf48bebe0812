"""Files that hold secrets: who else can read them."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

__all__ = ["others_can_read", "warning_of"]


def others_can_read(path: Path) -> bool:
    """Tell whether other users can read a file; a pipe or a file that is away is nobody's to read.

    The group counts only where the file is this user's: a file of root's may be given to a service by its group.
    """
    try:
        found = path.stat()
    except OSError:
        return False
    if os.name != "posix" or not stat.S_ISREG(found.st_mode):
        return False
    group = stat.S_IRGRP if found.st_uid == os.geteuid() else 0
    return bool(found.st_mode & (stat.S_IROTH | group))


def warning_of(paths: Iterable[Path]) -> str:
    """Return one sentence about all files with secrets that others can read; empty where there are none."""
    found = " ".join(str(path) for path in dict.fromkeys(paths) if others_can_read(path))
    return f"files with secrets can be read by other users; run chmod 600 {found}" if found else ""
