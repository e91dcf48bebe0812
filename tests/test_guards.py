"""The two guards of an export, against removals and against deselections, at their exact bounds."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from inventory.mock import DrsServer, make_estate
from tests.conftest import Command, ran
from tests.live import DATABASE, Export, last

ARGUMENTS = ("--config", "c.yaml", "--database", DATABASE)
GUARDS = ("--max-removals", "--max-deselections")
COUNTS = {"--max-removals": "removed", "--max-deselections": "deselected"}

# known jobs, the option's value (None: the default), how many may leave; one more may not
BOUNDS = [
    (9, None, 9),  # all of fewer than ten
    (10, None, 5),
    (9, "0%", 0),
    (10, "10%", 1),
    (10, "100%", 10),
    (50, "58%", 29),  # in binary floating point 58 % of 50 is less than 29
]


@pytest.fixture
def exported(tmp_path: Path, inventory: Command, request: pytest.FixtureRequest) -> Iterator[Export]:
    """An export of as many jobs as the test says."""
    with DrsServer(make_estate(request.param)) as running:
        export = Export(running, tmp_path, inventory)
        export()
        yield export


def left(export: Export, guard: str, count: int, *options: str, code: int) -> str:
    """Let jobs leave, in the way that the guard is about, and export; return what it said."""
    ids = sorted(export.server.jobs)
    export.server.deleted = set(ids[:count]) if guard == "--max-removals" else set()
    jobs = ids[count:] if guard == "--max-deselections" else ids
    (export.folder / "ids.txt").write_text("\n".join(jobs))
    export.configured(jobs={"file": "ids.txt", "allow_empty": True})
    said = export.inventory(*ARGUMENTS, "export", *options, TOKEN=export.server.token)
    assert said.returncode == code, said.stdout + said.stderr
    return str(said.stderr)


@pytest.mark.parametrize("guard", GUARDS)
@pytest.mark.parametrize(("exported", "share", "most"), BOUNDS, indirect=["exported"])
def test_a_guard_holds_at_its_exact_bound(exported: Export, guard: str, share: str | None, most: int) -> None:
    options = () if share is None else (guard, share)
    known = last()["jobs"]
    if most < known:
        said = left(exported, guard, most + 1, *options, code=1)
        assert f"{most + 1} of {known} jobs " in said
        assert f"more than {guard} allows" in said
        assert f"{guard} 100%" in said
        assert last()["jobs"] == known
    left(exported, guard, most, *options, code=0)
    row = last()
    assert (row[COUNTS[guard]], row["jobs"]) == (most, known - most)


@pytest.mark.parametrize("exported", [10], indirect=True)
def test_each_guard_counts_its_own(exported: Export) -> None:
    ids = sorted(exported.server.jobs)
    exported.server.deleted.update(ids[:5])
    exported("--max-removals", "50%", "--max-deselections", "30%", jobs=ids[:7])  # five are gone, three not named
    row = last()
    assert (row["removed"], row["deselected"], row["jobs"]) == (5, 3, 2)


@pytest.mark.parametrize("exported", [10], indirect=True)
def test_a_refused_deselection_reaches_who_watches(exported: Export, tmp_path: Path) -> None:
    ids = sorted(exported.server.jobs)
    exported.configured(jobs=ids[1:])
    arguments = (*ARGUMENTS, "-q", "export", "--metrics-file", "m.prom", "--max-deselections", "0%")
    done = exported.inventory(*arguments, TOKEN=exported.server.token)
    assert (done.returncode, done.stdout) == (1, "")
    assert "1 of 10 jobs are no longer in the configuration, more than --max-deselections allows (0%)" in done.stderr
    assert 'inventory_export_exit_code{source="live"} 1' in (tmp_path / "m.prom").read_text()
    exported("--require-complete", jobs=ids[1:])  # it is about jobs that could not be read
    assert last()["deselected"] == 1


@pytest.mark.parametrize("exported", [2], indirect=True)
def test_deselected_jobs_are_shown(exported: Export) -> None:
    ids = sorted(exported.server.jobs)
    assert "deselected" not in ran("--database", DATABASE, "snapshots")
    done = exported(jobs=ids[1:])
    assert "0 removed, 1 deselected" in done.stdout
    listed = ran("--database", DATABASE, "snapshots").splitlines()
    cells = [re.split(" {2,}", line)[-3] for line in (listed[0], listed[-2], listed[-1])]
    assert cells == ["deselected", "0", "1"]
    assert [
        row["deselected"] for row in json.loads(ran("--database", DATABASE, "snapshots", "--json"))["snapshots"]
    ] == [0, 1]
    exported.configured(jobs=ids[1:])
    logged = exported.inventory(*ARGUMENTS, "--log-format", "json", "export", TOKEN=exported.server.token).stderr
    (event,) = [event for line in logged.splitlines() if (event := json.loads(line))["event"] == "exported"]
    assert event["deselected"] == 0


@pytest.mark.parametrize("guard", GUARDS)
@pytest.mark.parametrize("share", ["lots", "-1%", "101%", "nan", "1e999", "", "50%%"])
def test_a_share_that_is_none(guard: str, share: str) -> None:
    ran("export", guard, share, code=64)
