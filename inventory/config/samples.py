"""The samples that the package has with it: two recorded nights, and files for deployment."""

import shutil
from pathlib import Path

from inventory.common.errors import UsageError

__all__ = ["samples_folder", "write_deployment"]


def samples_folder() -> Path:
    """Return the folder of the samples: in the wheel within the package, in a checkout beside it."""
    package = Path(__file__).parent.parent
    installed = package / "samples"
    return installed if installed.is_dir() else package.parent / "samples"


def write_deployment(folder: Path) -> list[str]:
    """Write the files for deployment into a new folder; return the names of what is in it.

    Raises:
        UsageError: the folder exists already, or cannot be written.
    """
    try:
        shutil.copytree(samples_folder() / "deploy", folder)
    except FileExistsError:
        raise UsageError(f"{folder} exists already", "Nothing was changed. Name another folder") from None
    except (OSError, shutil.Error, ValueError) as error:
        why = getattr(error, "strerror", None) or "cannot be written"
        raise UsageError(f"{folder}: {why}", "Name a folder that can be written") from None
    return sorted(path.name for path in folder.iterdir())
