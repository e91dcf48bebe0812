"""Faults against outcomes, over real HTTP with the real command: no row is lost, invented or removed without proof.

Each export is recorded, and the recording must give the same snapshot again.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from inventory.common.exact_json import Json
from inventory.mock import PLANTED, DrsServer, apply_scenarios
from inventory.mock.scenarios import SCENARIOS
from tests.live import Export, as_stored, findings, last, long_list, shown
from tests.recordings import replay, unpacked, written

PASSWORD = {"username": "rehearsal", "password": "mock-password", "domain": "mock-domain"}
DATABASES = ("x.db", "r.db")  # of an export, and of its replay
KEYS = {"access_key": "MOCKACCESSKEY0000001", "secret_key": "mock-secret-key"}


@dataclass(frozen=True)
class Outcome:
    """What an export of a changed estate comes to while something goes wrong.

    stays: jobs that stand as they were. kinds: findings that must be told. consistency: what the list was.
    """

    code: int = 0
    rate: float | None = None
    kinds: frozenset[str] = frozenset()
    stays: int = 0
    consistency: str | None = "one pass"
    again: bool = False
    auth: dict[str, Any] | None = None
    said: str = ""


def outcome(*kinds: str, **more: object) -> Outcome:
    return Outcome(kinds=frozenset(kinds), **more)  # type: ignore[arg-type]


FLAKY = outcome(rate=0.15, again=True)
MATRIX = {
    "throttle": FLAKY,
    "throttle-retry-after": outcome(rate=0.12, again=True),
    "expiring-token": outcome(auth=PASSWORD),
    "abnormal": FLAKY,
    "outage": outcome(again=True),
    "reset": FLAKY,
    "truncate": FLAKY,
    "html": FLAKY,
    "empty": FLAKY,
    "not-json": FLAKY,
    "slow": outcome(rate=0.05),
    "drip": outcome(rate=0.05),
    "drip-head": outcome(rate=0.05),
    "page-default": outcome(),
    "duplicate": outcome("repeated_job"),
    "missing": outcome("omitted_job", code=3, rate=0.025, stays=3),
    "missing-400-noid": outcome(),
    "missing-400-single": outcome(),
    "missing-item": outcome(),
    "missing-omitted": outcome(),
    "deleted-status": outcome("absent_job"),
    "virtual-parent": outcome("absent_job"),
    "no-disaster-recovery": outcome("scenario_not_served", consistency="one pass"),
    "null-list": outcome(),
    "poison": outcome("unreadable_job", code=3, stays=1),
    "wrong-count": outcome("count_mismatch"),
    "wrong-total": outcome("count_mismatch", code=3, consistency="torn", said="names fewer jobs than it counts"),
    "unordered": outcome(),
    "sub-tasks": outcome(),
    "deleted-meanwhile": outcome("absent_job", consistency="repaired"),
    "appeared-meanwhile": outcome(consistency="repaired"),
    "shifting-list": outcome(consistency=None),
    "growing-list": outcome(consistency=None),
    "clock-skew": outcome(code=1, auth=KEYS, said="clock"),
    "denied": outcome(code=1, said="DRS.M00102"),
    "mixed": FLAKY,
}


WITH_WORKERS = {"mixed", "outage", "poison"}  # the others too in the soak tier; workers change nothing (test_pool)
CASES = [
    *(pytest.param(name, 0, id=name) for name in MATRIX),
    *(
        pytest.param(name, 2, id=f"{name}-workers", marks=() if name in WITH_WORKERS else pytest.mark.soak)
        for name in MATRIX
    ),
]


@pytest.fixture
def server() -> Iterator[DrsServer]:
    """More than a page of the list has of one kind, so that the list can shift."""
    with DrsServer(long_list(120, objects=1)) as running:
        yield running


@dataclass
class First:
    """The first night, once it was exported: its database, its recording, a replay of that, and what is shown of it."""

    folder: Path
    shown: dict[str, Json] = field(default_factory=dict)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> First:
    return First(tmp_path_factory.mktemp("first"))


def first_night(export: Export, first: First, keys: dict[str, Any]) -> tuple[Path, dict[str, Json]]:
    """Export the estate; where no keys are the case's own, all have the same night before them, exported once.

    Returns:
        The recording, and the jobs that the database has.
    """
    if keys:
        export("--record", "1", jobs="all", **keys)
        return export.folder / "1/live", as_exported(export)
    recording = first.folder / "1"
    if not recording.exists():
        export("--record", str(recording), jobs="all")
        replay(export, str(recording / "live"))
        first.shown = as_exported(export)
        for name in DATABASES:
            shutil.copy(export.folder / name, first.folder)
    for name in DATABASES:
        shutil.copy(first.folder / name, export.folder)
    return recording / "live", first.shown


def as_exported(export: Export) -> dict[str, Json]:
    found = shown()
    assert found == {job_id: as_stored(job) for job_id, job in export.server.jobs.items()}
    return found


def test_every_scenario_has_its_outcome() -> None:
    assert MATRIX.keys() == SCENARIOS.keys()


@pytest.mark.parametrize(("name", "workers"), CASES)
def test_a_fault_has_its_outcome(server: DrsServer, export: Export, first: First, name: str, workers: int) -> None:
    expected = MATRIX[name]
    keys: dict[str, Any] = {"auth": expected.auth} if expected.auth else {}
    keys |= {"retry_seconds": 2} if name == "poison" else {}  # of which none helps
    recording, before = first_night(export, first, keys)

    gone, *others = sorted(server.jobs)
    server.deleted.add(gone)
    for job_id in others[::10]:
        server.jobs[job_id] = server.jobs[job_id] | {"description": "another night"}
    apply_scenarios(server, [name], expected.rate)
    export.top = {"workers": workers}
    done = export("--record", "2", jobs="all", code=expected.code, **keys)

    after = shown()
    assert expected.said in done.stdout + done.stderr
    assert expected.kinds <= {kind for kind, _ in findings()}
    if expected.code == 1:
        assert after == before
        return
    alive = {job_id: as_stored(job) for job_id, job in server.jobs.items() if job_id not in server.deleted}
    assert after.keys() == alive.keys()
    differ = {job_id for job_id in alive if after[job_id] != alive[job_id]}
    assert all(after[job_id] == before[job_id] for job_id in differ)
    assert len(differ) <= expected.stays
    row = last()
    assert row["unreadable"] == expected.stays
    assert row["status"] == ("partial" if expected.code == 3 else "complete")
    assert (row["retries"] > 0) >= expected.again
    if expected.consistency:
        assert row["consistency"] == expected.consistency

    replay(export, str(recording), "2/live", code=expected.code)
    assert written(export.folder / "r.db") == written(export.folder / "x.db")
    assert PLANTED.encode() not in unpacked(recording) + unpacked(export.folder / "2")
