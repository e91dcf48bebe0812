"""A year of nights: ``python -m tests.bench.year [--nights 365] [--jobs 2000] [--objects 100] [--share 0.005]``.

Every night a share of the jobs differs: a status, an address, a table less and one more. The nights are written as
`export` writes them (unchanged jobs are carried, changed ones normalised and staged), without the network; what is
measured then are the real commands. Times tell something only beside others of the same run.
"""

import argparse
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from inventory.digest import content_digest, job_proof
from inventory.mock import make_estate
from inventory.normalise import normalise
from inventory.redact import Redactor
from inventory.schema import BY_NAME
from inventory.store.engine import Store, open_store
from inventory.store.migrate import upgrade
from inventory.store.snapshots import SourceRow, open_writer

COMMAND = [sys.executable, "-c", "from inventory.cli import main; main()"]
FIRST = datetime(2026, 1, 1, 1, tzinfo=UTC)
SOURCE = SourceRow("year", "cn-north-4", "p")
MB = 1_000_000


def main() -> None:
    """Write the nights, then measure what people do with them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nights", type=int, default=365)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--objects", type=int, default=100)
    parser.add_argument("--share", type=float, default=0.005)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "year.db"
        estate = make_estate(options.jobs, objects=options.objects)
        with open_store(f"sqlite:///{path}", write=True) as store:
            upgrade(store)
            write(store, 0, estate, list(estate))
            one = path.stat().st_size
            for night in range(1, options.nights):
                write(store, night, estate, changed(estate, night, options.share))
        measure(path, one, options.nights, next(iter(estate)))


def changed(estate: dict[str, Any], night: int, share: float) -> list[str]:
    """Let a night pass; return which jobs differ."""
    dice = random.Random(night)
    chosen = dice.sample(sorted(estate), max(1, round(len(estate) * share)))
    for job_id in chosen:
        job = dict(estate[job_id])
        job["status"] = dice.choice(("PAUSING", "INCRE_TRANSFER_STARTED", "INCRE_TRANSFER_FAILED"))
        job["source_endpoint"] = {**job["source_endpoint"], "ip": f"172.22.{dice.randrange(256)}.{dice.randrange(256)}"}
        *kept, last = job["object_infos"]
        job["object_infos"] = [*kept, {**last, "id": f"{last['id'][:40]}-{night}", "name": f"table-{night}"}]
        estate[job_id] = job
    return chosen


def write(store: Store, night: int, estate: dict[str, Any], job_ids: Iterable[str]) -> None:
    """Write one snapshot, as `collect` does."""
    redactor, moment = Redactor(), FIRST + timedelta(days=night)
    with open_writer(store, SOURCE) as writer:
        staging = writer.staging
        digests = staging.known_digests()
        wanted = set(job_ids)
        for job_id in sorted(wanted):
            job = normalise(job_id, redactor.job(estate[job_id]))
            proof = job_proof((BY_NAME[name], row) for name, rows in job.rows.items() for row in rows)
            staging.put(job)
            staging.add("job_digests", [(job_id, proof.digest, proof.packed)])
            digests[job_id] = proof.digest
        staging.carry(digests.keys() - wanted)
        changes = staging.compare()
        counts = {name: len(changes[name]) for name in ("added", "changed", "removed")}
        zero = dict.fromkeys(("absent", "unreadable", "deselected", "requests", "retries"), 0)
        row: dict[str, Any] = {
            "started_at": moment,
            "observed_from": moment,
            "observed_to": moment + timedelta(minutes=10),
        }
        row |= {"status": "complete", "consistency": None, "run_id": str(night)}
        row |= dict.fromkeys(("requested", "returned", "jobs"), len(digests))
        writer.commit({**row, **counts, **zero}, content_digest(digests.items()))


def measure(path: Path, one: int, nights: int, job_id: str) -> None:
    """Print what the year costs, and what is asked of it."""
    size = path.stat().st_size
    copies = one * nights
    say(f"{nights} nights: {size / MB:.1f} MB; one night {one / MB:.1f} MB, so {nights} copies {copies / MB:,.0f} MB")
    say(f"  the year is {size / one:.2f} x one night, {size / copies:.2%} of the copies")
    with closing(sqlite3.connect(path)) as connection:
        for snapshot in (1, nights):
            query = f"SELECT count(*) FROM object_infos_as_of WHERE snapshot_id = {snapshot}"
            began = time.monotonic()
            (count,) = connection.execute(query).fetchone()
            say(f"  as of night {snapshot}: {count:,} objects in {time.monotonic() - began:.3f} s")
    idle = run(path, "snapshots", "--json")
    say(f"  a command that only lists snapshots: {idle:.2f} s; beside it (best of three, but for prune):")
    for words in (
        ("diff", "1", "2"),
        ("diff", str(nights - 1), str(nights)),
        ("diff", "1", str(nights)),
        ("show", job_id, "--snapshot", "1"),
        ("show", job_id, "--snapshot", str(nights)),
        ("log", job_id),
        ("verify",),
        ("prune", "--keep-daily", "35", "--keep-weekly", "12", "--keep-monthly", "24"),
        ("verify",),
        ("diff", "latest~1", "latest"),
    ):
        say(f"  {' '.join(words):<64} {run(path, *words):6.2f} s")
    say(f"  after prune: {path.stat().st_size / MB:.1f} MB")


def run(path: Path, *words: str) -> float:
    """Run a command that must succeed, and time it: the best of three, where it changes nothing."""
    command = [*COMMAND, "--database", f"sqlite:///{path}", *words]
    times = []
    for _ in range(1 if words[0] == "prune" else 3):
        began = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        times.append(time.monotonic() - began)
        assert done.returncode == 0, done.stdout[-500:] + done.stderr
    return min(times)


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
