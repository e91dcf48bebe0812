"""A later version of the package: one more field, one more nested table and one more value, by the recipe.

What only a next revision can show is tested with it: an upgrade of a database with rows, and one that is killed.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from filelock import FileLock

from inventory.schema import REVISION
from tests.conftest import COMMAND, ROOT
from tests.warm import WARM, Stream, WarmStart

__all__ = ["NEXT", "NextVersion"]

NEXT = f"{int(REVISION) + 1:04}"

JOBS, OBJECTS, TABLES = (f"inventory/schema/{name}.py" for name in ("jobs", "objects", "__init__"))
FIELD = f"""\
    field(
        "inst_info_engine_version", TEXT, "Version of the engine.",
        table=None, path="inst_info.engine_version", since="{NEXT}",
    ),
"""
TABLE = f"""\
from inventory.schema.kinds import INTEGER

DISKS = entity(
    "disks",
    "Disks of the replication instance.",
    field("id", TEXT, "Which disk.", table=None, key=True, since="{NEXT}"),
    field("size", INTEGER, "Its size.", table=None, unit="GB", since="{NEXT}"),
    places=[Place("inst_info.disks")],
    foreign_key=_JOB,
)

"""
EDITS = (  # file, the text that it has once, and what this becomes
    (JOBS, '    field(\n        "inst_info_inst_type",', FIELD + '    field(\n        "inst_info_inst_type",'),
    (JOBS, "\nSTATUSES = (\n", '\nSTATUSES = (\n    _status("HIBERNATING", "The task sleeps", "change"),\n'),
    (OBJECTS, "CHILD_JOBS = entity(", TABLE + "CHILD_JOBS = entity("),
    (TABLES, "import CHILD_JOBS,", "import CHILD_JOBS, DISKS,"),
    (TABLES, "    CHILD_JOBS,\n", "    CHILD_JOBS,\n    DISKS,\n"),
)


class NextVersion:
    """The package in a folder of its own, with the migration that the command drafted; made where it is not there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "next"
        with FileLock(folder / "next.lock"):  # several test processes share it
            if not (folder / "refused.txt").exists():
                refused = self._make()
                (folder / "refused.txt").write_text(refused)
        self.refused = (folder / "refused.txt").read_text()
        (self.migration,) = (self.folder / "migrations/versions").glob(f"{NEXT}_*.py")
        self._warm = WarmStart(self.environment, self.folder) if WARM else None

    def _make(self) -> str:
        """Copy the package, edit it and draft the migration; return what the command said before the revision was."""
        ignored = shutil.ignore_patterns("__pycache__")
        for name in ("inventory", "migrations", "tests"):
            shutil.copytree(ROOT / name, self.folder / name, ignore=ignored)
        for name, place, new in EDITS:
            text = (self.folder / name).read_text()
            assert text.count(place) == 1, f"EDITS of {__name__}: change this text, which {name} has not once: {place}"
            (self.folder / name).write_text(text.replace(place, new))
        init = self.folder / "inventory/schema/__init__.py"
        refused = self.drafted(code=1)
        init.write_text(init.read_text().replace(f'REVISION = "{REVISION}"', f'REVISION = "{NEXT}"'))
        os.utime(init, (time.time() + 2, time.time() + 2))  # bytecode knows a file by its size and its second
        self.drafted()
        return refused

    def close(self) -> None:
        """End its processes, and remove its bytecode, which stands beside that of the libraries."""
        if self._warm:
            self._warm.close()
        shutil.rmtree(Path(os.environ["PYTHONPYCACHEPREFIX"]) / self.folder.relative_to("/"), ignore_errors=True)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(self.folder)}

    def drafted(self, message: str = "Add the engine's version and disks", code: int = 0) -> str:
        return self._ran([sys.executable, "-m", "tests.draft_migration", message], code, self.environment)

    def ran(self, *arguments: str, code: int = 0, **variables: str) -> str:
        """Run the command of this version and return its output."""
        environment = {**self.environment, **variables}
        if self._warm:
            return checked(self._warm.run(arguments, environment, self.folder), code)
        return self._ran([*COMMAND, *arguments], code, environment)

    def started(
        self, *arguments: str, stdin: Stream = None, stdout: Stream = None, stderr: Stream = None
    ) -> subprocess.Popen[str]:
        """Start the command of this version and go on; streams are as `subprocess` takes them."""
        if self._warm:
            return self._warm.start(
                arguments, self.environment, folder=self.folder, stdin=stdin, stdout=stdout, stderr=stderr
            )
        return subprocess.Popen(
            [*COMMAND, *arguments], env=self.environment, cwd=self.folder, stdin=stdin, stdout=stdout, stderr=stderr,
            text=True,
        )  # fmt: skip

    def _ran(self, command: list[str], code: int, environment: dict[str, str]) -> str:
        return checked(
            subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=120, env=environment, cwd=self.folder
            ),
            code,
        )


def checked(done: "subprocess.CompletedProcess[str]", code: int) -> str:
    """Return what a command that ended with an exit code printed, on stderr too if the code is not 0."""
    assert done.returncode == code, (done.args, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout if code == 0 else done.stdout + done.stderr
