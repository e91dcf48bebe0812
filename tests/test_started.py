"""However the command is started, by cron, a container or a supervisor: it does its work, or says what it lacks."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from inventory.mock import make_estate
from tests.conftest import COMMAND, ROOT, Command, write_page
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


@pytest.mark.parametrize("room", [80_000, 300_000])
def test_too_little_memory_is_named(export: Export, room: int) -> None:
    """In KiB of addresses, of which each thread takes some thousand, and the first do not hold all modules."""
    export.server.jobs.update(make_estate(400))
    done = started(export, f"ulimit -v {room}")
    assert (done.returncode, "no more memory or threads" in done.stderr) == (1, True)
    assert "Traceback" not in done.stderr


# As a user whom nobody else is, and whose only thread is this one; all modules are there before it gives up root.
FEW_THREADS = """
import importlib, os, pkgutil, resource, sys
import inventory
from tests.warm import LIBRARIES
for name in (*LIBRARIES, *(module.name for module in pkgutil.walk_packages(inventory.__path__, "inventory."))):
    importlib.import_module(name)
resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
if os.geteuid() == 0:
    os.setresuid(12345, 12345, 12345)
inventory.cli.main()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts a user's threads otherwise, if at all")
def test_too_few_threads_are_named() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)  # for the other user
        write_page(Path(folder) / "a", 1, ["j"], {"count": 1, "results": [{"id": "j"}]})
        (Path(folder) / "c.yaml").write_text("sources: [{name: a, replay: [a]}]")
        words = ("--log-format", "json", "--config", "c.yaml", "export", "--metrics-file", "m.prom")
        done = subprocess.run(
            [sys.executable, "-c", FEW_THREADS, *words], cwd=folder, capture_output=True, text=True, check=False,
            timeout=120, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        metrics = (Path(folder) / "m.prom").read_text()
    failed, last = map(json.loads, done.stderr.splitlines())
    assert (done.returncode, "no more memory or threads" in failed["error"], last["event"]) == (1, True, "finished")
    assert "inventory_last_run_exit_code 1.0" in metrics
