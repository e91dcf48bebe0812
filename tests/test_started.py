"""However the command is started, by cron, a container or a supervisor: it does its work, or says what it lacks."""

import os
import subprocess

import pytest

from inventory.mock import make_estate
from tests.conftest import COMMAND, ROOT, Command
from tests.live import DATABASE, Export


def started(export: Export, before: str = ":", behind: str = "") -> subprocess.CompletedProcess[str]:
    """Export all jobs by a shell, which does something first and redirects streams."""
    export.as_it_comes().configured(jobs="all")
    script = f'{before}; exec "$@" {behind}'
    words = [*COMMAND, "--config", "c.yaml", "--database", DATABASE, "export"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TOKEN": export.server.token}
    return subprocess.run(
        ["sh", "-c", script, "sh", *words], capture_output=True, text=True, check=False, timeout=120, env=environment
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_may_be_closed(export: Export, inventory: Command, closed: str) -> None:
    done = started(export, behind=closed)
    assert (done.returncode, done.stderr) == (0, "")
    assert inventory("--database", DATABASE, "verify").returncode == 0


def test_assertions_may_be_off(export: Export, inventory: Command) -> None:
    done = started(export, "export PYTHONOPTIMIZE=2")
    assert (done.returncode, done.stderr) == (0, "")
    assert inventory("--database", DATABASE, "verify", PYTHONOPTIMIZE="2").returncode == 0


@pytest.mark.parametrize("files", [8, 12, 16])
def test_too_few_open_files_are_named(export: Export, files: int) -> None:
    """Sixteen threads ask at once; of those that find no room, none keeps the export from ending."""
    export.server.jobs.update(make_estate(400))
    done = started(export, f"ulimit -n {files}")
    assert (done.returncode, "Too many open files" in done.stderr) == (1, True)
    assert "Traceback" not in done.stderr


def test_too_little_memory_is_named(export: Export) -> None:
    """In KiB of addresses, of which each thread takes some thousand."""
    export.server.jobs.update(make_estate(400))
    done = started(export, "ulimit -v 300000")
    assert (done.returncode, "no more memory or threads" in done.stderr) == (1, True)
    assert "Traceback" not in done.stderr
