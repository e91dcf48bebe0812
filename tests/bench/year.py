"""A year of nights: ``python -m tests.bench.year [--nights 365] [--jobs 2000] [--objects 100] [--share 0.005]``.

Every night a share of the jobs differs: a status, an address, `--tables` tables less and as many more. The nights are
written as `export` writes them (unchanged jobs are carried, changed ones normalised and staged), without the network;
what is measured then are the real commands, and SQL as of a night as an analyst writes it, before and after ANALYZE.
Times tell something only beside others of the same run.

A busy year has ``--share 0.01 --tables 50``; ten times the estate, to compare two nights of it, ``--jobs 20000
--share 0.001 --nights 3``; one night that changes all of 10,000 jobs ``--jobs 10000 --objects 2 --share 1 --nights 2``.
`--database postgresql` starts a server; `--keep DIR` leaves the database there, and measures one that is there already
(nothing is pruned then).
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from inventory.config.load import normal_url
from inventory.mock import make_estate
from inventory.normalise.redact import Redactor
from inventory.normalise.walk import normalise
from inventory.proof.digest import content_digest, digest_job
from inventory.report.library import Library
from inventory.report.scope import Scope
from inventory.report.session import prepare
from inventory.schema import BY_NAME
from inventory.store.engine import Store, open_store
from inventory.store.migrate import upgrade
from inventory.store.writer import SourceRow, open_writer
from tests.bench.scale import database

COMMAND = [sys.executable, "-c", "from inventory.cli import main; main()"]
FIRST = datetime(2026, 1, 1, 1, tzinfo=UTC)
SOURCE = SourceRow("year", "cn-north-4", "p")
MB = 1_000_000


def main() -> None:
    """Write the nights, then measure what people do with them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nights", type=int, default=365)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--objects", type=int, default=100)
    parser.add_argument("--share", type=float, default=0.005)
    parser.add_argument("--tables", type=int, default=1)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--keep", type=Path, metavar="DIR")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        folder.mkdir(parents=True, exist_ok=True)
        url = normal_url(stack.enter_context(database(options.database, folder)))
        with open_store(url, write=True) as store:
            upgrade(store)
            if not count_nights(store):
                one = write_all(store, options)
                year = size(store)
                say(f"{options.nights} nights: {year / MB:.1f} MB, {year / one:.2f} x one night of {one / MB:.1f} MB;")
                say(f"  copies of it would take {one * options.nights / MB:,.0f} MB")
            measure_sql(store)
            measure_parts(store)
            measure_reports(store)
            measure_commands(store, url, prune=options.keep is None)


def count_nights(store: Store) -> int:
    """Return how many nights there are."""
    with store.reading() as connection:
        return int(connection.execute(text("SELECT count(*) FROM snapshots")).scalar_one())


def size(store: Store) -> int:
    """Return the bytes that a database takes."""
    if store.path is not None:
        return store.path.stat().st_size
    with store.reading() as connection:
        return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())


def write_all(store: Store, options: argparse.Namespace) -> int:
    """Write the nights, and return the size of the first."""
    estate = make_estate(options.jobs, objects=options.objects)
    write(store, 0, estate, list(estate))
    one = size(store)
    for night in range(1, options.nights):
        write(store, night, estate, changed(estate, night, options.share, options.tables))
    return one


def changed(estate: dict[str, Any], night: int, share: float, tables: int) -> list[str]:
    """Let a night pass; return which jobs differ."""
    dice = random.Random(night)
    chosen = dice.sample(sorted(estate), max(1, round(len(estate) * share)))
    for job_id in chosen:
        job = dict(estate[job_id])
        job["status"] = dice.choice(("PAUSING", "INCRE_TRANSFER_STARTED", "INCRE_TRANSFER_FAILED"))
        job["source_endpoint"] = {**job["source_endpoint"], "ip": f"172.22.{dice.randrange(256)}.{dice.randrange(256)}"}
        kept, gone = job["object_infos"][:-tables], job["object_infos"][-tables:]
        new = [
            {**each, "id": f"{each['id'][:40]}-{night}-{at}", "name": f"table-{night}"} for at, each in enumerate(gone)
        ]
        job["object_infos"] = [*kept, *new]
        estate[job_id] = job
    return chosen


def write(store: Store, night: int, estate: dict[str, Any], job_ids: Iterable[str]) -> None:
    """Write one snapshot, as `collect` does."""
    redactor, moment = Redactor(), FIRST + timedelta(days=night)
    with open_writer(store, SOURCE) as writer:
        staging = writer.staging
        digests = dict(writer.base.digests)
        wanted = set(job_ids)
        for job_id in sorted(wanted):
            job = normalise(job_id, redactor.job(estate[job_id]))
            proof = digest_job((BY_NAME[name], row) for name, rows in job.rows.items() for row in rows)
            for name, rows in job.rows.items():
                staging.add(name, rows)
            staging.add("internal_job_digests", [(job_id, proof.digest, proof.fingerprints)])
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


IDS = (
    "1",
    "{nights}",
    "(SELECT max(id) FROM snapshots)",
    "(SELECT max(id) FROM snapshots WHERE observed_to <= '{until}')",
    "(SELECT snapshot_id FROM freshness WHERE source = 'year')",
)


def measure_sql(store: Store) -> None:
    """Print what it takes to ask for a night in SQL: for all of its objects, and for those of one job."""
    nights, job_id = count_nights(store), a_job(store)
    until = f"{FIRST + timedelta(days=nights // 2):%Y-%m-%d} 12:00"
    with store.engine.connect() as connection:
        for what in ("as of a night", "after ANALYZE"):
            if what == "after ANALYZE":
                connection.execute(text("ANALYZE"))  # undone below, with the transaction
            say(f"  {what}, ms, best of five\n     count  one job  FROM object_infos_as_of WHERE")
            for each, source in product(IDS, ("", " AND source = 'year'")):
                where = f"snapshot_id = {each.format(nights=nights, until=until)}{source}"
                count = ask(connection, f"SELECT count(*) FROM object_infos_as_of WHERE {where}")
                job = ask(connection, f"SELECT * FROM object_infos_as_of WHERE {where} AND job_id = '{job_id}'")
                say(f"  {count:8.1f} {job:8.2f}  {where}")
        connection.rollback()


RUNNING_SUM = """
WITH d AS (
  SELECT valid_from AS s, count(*) AS n
  FROM (SELECT valid_from FROM object_infos UNION ALL SELECT valid_from FROM object_infos_history) r GROUP BY valid_from
  UNION ALL SELECT valid_to, -count(*) FROM object_infos_history GROUP BY valid_to
), e AS (SELECT s, sum(n) AS n FROM d GROUP BY s)
SELECT x.id, sum(coalesce(e.n, 0)) OVER (ORDER BY x.id) FROM snapshots x LEFT JOIN e ON e.s = x.id
"""
LITERAL = "SELECT * FROM changes WHERE snapshot_id IN ({ids})"
ROWS = "SELECT count(name) FROM object_infos"
ON_A_DAY = "snapshot_id IN (SELECT snapshot_id FROM days WHERE day = '{day}')"
NOW = "SELECT count(*) FROM object_infos"
JOINED = "object_infos_as_of JOIN days USING (source_id, source, snapshot_id)"
COUNTS = "SELECT snapshot_id, rows FROM snapshot_counts WHERE table_name = 'object_infos'"
RATIOS = (  # what an analyst writes, and the quickest way to the same rows or to as many
    ("objects a night", COUNTS, RUNNING_SUM),
    ("changes since a time", "SELECT * FROM changes WHERE observed_to >= '{week}'", LITERAL),
    ("changes since an id", "SELECT * FROM changes WHERE snapshot_id > (SELECT max(id) - 7 FROM snapshots)", LITERAL),
    ("values since a time", "SELECT * FROM change_details WHERE observed_to >= '{week}'", LITERAL),
    ("count on a day", f"SELECT count(*) FROM object_infos_as_of WHERE {ON_A_DAY}", ROWS),
    ("count on a day, joined", f"SELECT count(*) FROM {JOINED} WHERE day = '{{day}}'", ROWS),
)


def measure_parts(store: Store) -> None:
    """Print what the largest tables and indexes of an SQLite file take."""
    if not store.is_sqlite:
        return
    with store.reading() as connection:
        total = "SELECT name, sum(pgsize) AS size, sum(unused) AS unused FROM dbstat GROUP BY name ORDER BY 2 DESC"
        for name, taken, unused in connection.exec_driver_sql(f"{total} LIMIT 6"):
            say(f"  {taken / MB:8.2f} MB, {unused / taken:4.0%} of it unused, {name}")


def measure_reports(store: Store) -> None:
    """Print what the views for reports take, beside the quickest way to ask the same."""
    nights, job_id = count_nights(store), a_job(store)
    values = {
        "week": f"{FIRST + timedelta(days=nights - 7):%Y-%m-%d}T00:00:00Z",
        "day": f"{FIRST + timedelta(days=nights // 2):%Y-%m-%d}",
        "ids": ", ".join(str(number) for number in range(max(1, nights - 6), nights + 1)),
    }
    say("  ms, best of seven, in turn: as written, beside, and their ratio")
    with store.engine.connect() as connection:
        for what, written, beside in RATIOS:
            say_ratio(what, *in_turn(connection, written.format(**values), beside.format(**values)))
        scope = Scope.of(connection, (), values["day"], None)
        on_the_day = prepare(connection, NOW, Library(), scope, {}).sql
        for beside in (ROWS, NOW):
            say_ratio(f"query --day, beside {beside}", *in_turn(connection, on_the_day, beside))
        job = f"SELECT * FROM object_infos_as_of WHERE snapshot_id = {nights // 2} AND job_id = '{job_id}'"
        say(f"  {ask(connection, job):8.2f}  one job's objects as of a night")
        if not store.is_sqlite:
            measure_planning(store, connection, job)
        for view in ("days", "freshness", "tasks", "job_status_periods", "endpoint_security"):
            say(f"  {ask(connection, f'SELECT * FROM {view}'):8.1f}  {view}, whole")


def measure_planning(store: Store, connection: Connection, query: str) -> None:
    """Print what PostgreSQL needs to plan a query and to run it; prepared; and as the first one of a connection."""
    plans = [connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}").scalar_one()[0] for _ in range(5)]
    for part in ("Planning Time", "Execution Time"):
        say(f"  {min(plan[part] for plan in plans):8.2f}    {part.lower()}")
    driver: Any = connection.connection.driver_connection
    say(f"  {1000 * best(9, lambda: driver.execute(query, prepare=True).fetchall()):8.2f}    prepared")
    firsts = []
    for _ in range(5):
        with store.engine.connect() as fresh:
            fresh.exec_driver_sql("SELECT 1")
            firsts.append(ask(fresh, query, times=1))
    say(f"  {min(firsts):8.2f}    the first query of a connection")


def say_ratio(what: str, one: float, other: float) -> None:
    say(f"  {one:8.1f} {other:8.1f} {one / other:6.2f}  {what}")


def in_turn(connection: Connection, *queries: str) -> list[float]:
    """Ask in turn, so that what else the machine does hits all alike; return the milliseconds of the quickest."""
    rounds = [[ask(connection, query, times=1) for query in queries] for _ in range(7)]
    return [min(each) for each in zip(*rounds, strict=True)]


def ask(connection: Connection, query: str, times: int = 5) -> float:
    """Ask a database; return the milliseconds."""
    return 1000 * best(times, lambda: connection.exec_driver_sql(query).all())


def a_job(store: Store) -> str:
    with store.reading() as connection:
        return str(connection.execute(text("SELECT max(id) FROM jobs")).scalar_one())


def measure_commands(store: Store, url: str, *, prune: bool) -> None:
    """Print what the commands take; at last with the year pruned."""
    nights, job_id = count_nights(store), a_job(store)
    say(
        f"  {'python -c pass':<64} {best(5, lambda: subprocess.run([sys.executable, '-c', 'pass'], check=True)):6.3f} s"
    )
    for words in (
        "--help",
        "snapshots --json",
        "diff 1 2",
        f"diff {nights - 1} {nights}",
        f"diff 1 {nights}",
        f"show {job_id} --snapshot 1",
        f"show {job_id} --snapshot {nights}",
        f"log {job_id}",
        "verify",
        *(("prune --keep-daily 35 --keep-weekly 12 --keep-monthly 24", "verify", "diff latest~1 latest") * prune),
    ):
        runs = [run(url, words) for _ in range(1 if words.startswith("prune") else 3)]
        first, seconds = map(min, zip(*runs, strict=True))
        say(f"  {words:<64} {seconds:6.3f} s, the first output after {first:6.3f} s")
    if prune:
        say(f"  after prune: {size(store) / MB:.1f} MB")


def run(url: str, words: str) -> tuple[float, float]:
    """Run a command that must succeed; return the seconds to its first output and to its end."""
    command = [*COMMAND, "--database", url, *words.split()]
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        os.read(process.stdout.fileno(), 1)
        first = time.monotonic() - began
        process.communicate()
    assert process.returncode == 0, words
    return first, time.monotonic() - began


def best(times: int, action: Callable[[], object]) -> float:
    """Return the seconds of the quickest of some runs."""
    taken = []
    for _ in range(times):
        began = time.monotonic()
        action()
        taken.append(time.monotonic() - began)
    return min(taken)


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
