"""What tests of exports in trouble share: what must hold whatever happens, and exports caught at a moment."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen
from typing import Any

from sqlalchemy import Connection, select, text

from inventory.common.cancellation import Stop
from inventory.common.exact_json import read
from inventory.config.load import normal_url
from inventory.mock import DrsServer, Fault, RecordedRequest
from inventory.render import estate
from inventory.schema import ENTITIES
from inventory.store import reader
from inventory.store.engine import Store, open_store
from inventory.store.lock import source_lock
from tests.live import Export, as_stored
from tests.test_properties import as_contract


class Archive:
    """A database, and what each of its snapshots was found to say: that it must say for ever."""

    def __init__(self, url: str, server: DrsServer) -> None:
        self.url = normal_url(url)
        self.server = server
        self.said: dict[int, str] = {}

    def check(self, *, far: int = 3) -> list[int]:
        """Check that all is whole, and that the last few snapshots say what they said.

        Returns:
            The ids of the snapshots that were not there at the last check; each says the estate as it is.
        """
        with open_store(self.url, write=False) as store, store.reading() as connection:
            sound(store, connection)
            rows = [row for each in reader.sources(connection) for row in reader.snapshots(connection, each["id"])]
            ids, digests = [row["id"] for row in rows], [row["digest"] for row in rows]
            assert [row["previous_digest"] for row in rows] == [None, *digests][: len(rows)]
            assert set(ids) >= self.said.keys()
            new = [each for each in ids if each not in self.said]
            for each in ids[-far:]:
                said = "".join(estate.as_json(connection, estate.find(connection, (), str(each), None)))
                assert said == self.said.setdefault(each, said)
        for each in new:
            found = {job["id"]: as_contract(job) for job in read(self.said[each])["results"]}
            assert found == {job_id: as_stored(job) for job_id, job in self.server.jobs.items()}
        return new

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Take the lock of the source, which must be free; a server takes a moment to see that somebody is gone."""
        patience = 0 if self.url.startswith("sqlite") else 2
        with open_store(self.url, write=True) as store, source_lock(store, "live", patience, Stop()):
            yield

    def run(self, *statements: str) -> None:
        """Change the database past the product."""
        with open_store(self.url, write=True) as store:
            for statement in statements:
                with store.engine.begin() as connection:
                    connection.execute(text(statement))


def sound(store: Store, connection: Connection) -> None:
    """Check what a database can tell by itself: no page, no key and no reference is broken."""
    if store.is_sqlite:
        assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
        assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
    known = {tuple(row) for row in connection.execute(text("SELECT source_id, id FROM snapshots"))}
    for entity in ENTITIES:
        current, history = entity.current.c, entity.history.c
        begun = connection.execute(select(current.source_id, current.valid_from).distinct())
        assert {tuple(row) for row in begun} <= known
        ended = select(history.source_id, history.valid_from, history.valid_to).distinct()
        for source_id, start, end in connection.execute(ended):
            assert {(source_id, start), (source_id, end)} <= known
            assert start < end


def completes(archive: Archive, export: Export) -> None:
    """Check that the last export is as if it had never been, and that the next one completes."""
    assert archive.check() == []
    with archive.locked():
        pass
    export(database=archive.url, jobs="all")
    assert len(archive.check(far=99)) == 1


def until(true: Callable[[], bool], process: "Popen[str]", pause: float = 0.001) -> None:
    """Wait until something is so, or the process has ended."""
    while process.poll() is None and not true():
        time.sleep(pause)


def commits(store: Store) -> Callable[[], bool]:
    """Return what tells that a commit began: there is a journal, or the sequence moved, which no rollback undoes."""
    if store.path is not None:
        return Path(f"{store.path}-journal").exists

    def last() -> object:
        with store.engine.connect() as connection:
            return connection.execute(text("SELECT last_value, is_called FROM snapshots_id_seq")).one()

    before = last()
    return lambda: last() != before


def at_the_lock(process: "Popen[str]") -> None:
    """Wait until an export, which logs as JSON, waits for the lock."""
    assert process.stderr is not None
    assert '"started"' in process.stderr.readline()
    time.sleep(0.2)
    assert process.poll() is None


@contextlib.contextmanager
def last_batch_held(server: DrsServer) -> Iterator[threading.Event]:
    """Hold back the last batch until the end of the block; the event tells that it was asked for."""
    last, asked, over = max(server.jobs), threading.Event(), threading.Event()

    def rewrite(request: RecordedRequest, document: Any) -> Any:
        if last in request.jobs:
            asked.set()
            over.wait(60)
        return document

    server.rewrite = rewrite
    try:
        yield asked
    finally:
        over.set()


@contextlib.contextmanager
def endless_commit(archive: Archive) -> Iterator[None]:
    """Let the transaction of a commit last for ever; on SQLite some of it stands in the file by then."""
    if archive.url.startswith("sqlite"):
        archive.run(
            "CREATE TABLE waste (i)",
            "CREATE VIEW numbers AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
            "CREATE TRIGGER slow AFTER INSERT ON snapshots BEGIN"
            " INSERT INTO waste SELECT zeroblob(999) FROM numbers LIMIT 9999;"
            " INSERT INTO waste SELECT sum(i) FROM numbers; END",
        )
        yield
        archive.run("DROP TRIGGER slow")
        return
    archive.run(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END'",
        "CREATE TRIGGER slow AFTER INSERT ON snapshots FOR EACH ROW EXECUTE FUNCTION slow()",
    )
    yield
    archive.run(  # the server would notice later that the client is gone
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'",
        "DROP TRIGGER slow ON snapshots",
    )


@contextlib.contextmanager
def caught(
    archive: Archive, export: Export, ready: Callable[[], bool], log: str, *options: str
) -> Iterator["Popen[str]"]:
    """Start an export and wait until it is at what it shall be caught at."""
    with export.started(*options, database=archive.url, log=log, jobs="all", timeout=60) as process:
        until(ready, process)
        assert process.poll() is None
        yield process


def asks(server: DrsServer) -> Callable[[], bool]:
    """Return what tells that a further request came."""
    before = len(server.requests)
    return lambda: len(server.requests) > before


@contextlib.contextmanager
def reading(archive: Archive, export: Export, log: str = "json") -> Iterator["Popen[str]"]:
    """An export of a server that is slow."""
    archive.server.latency = 3
    with caught(archive, export, asks(archive.server), log) as process:
        yield process
    archive.server.latency = 0


@contextlib.contextmanager
def told_to_wait(archive: Archive, export: Export) -> Iterator["Popen[str]"]:
    """An export of a server that asks for patience."""
    archive.server.faults = [Fault("status", times=None, status=429, headers={"Retry-After": "60"})]
    with caught(archive, export, asks(archive.server), "json") as process:
        yield process
    archive.server.faults = []


@contextlib.contextmanager
def locked_out(archive: Archive, export: Export) -> Iterator["Popen[str]"]:
    """An export that waits for another."""
    with archive.locked(), caught(archive, export, lambda: True, "json", "--lock-timeout", "60") as process:
        at_the_lock(process)
        yield process


@contextlib.contextmanager
def committing(archive: Archive, export: Export, log: str = "json") -> Iterator["Popen[str]"]:
    """An export in the middle of its commit."""
    with endless_commit(archive), open_store(archive.url, write=False) as store:
        ready = commits(store)
        with caught(archive, export, ready, log) as process:
            time.sleep(0.3)
            yield process
