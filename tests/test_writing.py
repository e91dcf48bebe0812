"""Snapshots as they are written: through temporary tables, on both databases."""

import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, make_url, select, text

from inventory.common.errors import BusyError
from inventory.config.load import normal_url
from inventory.export.flow import export_source
from inventory.mock import make_estate
from inventory.normalise.redact import Redactor
from inventory.normalise.walk import Row, normalise
from inventory.proof.digest import content_digest, digest_job
from inventory.schema import BY_NAME, ENTITIES, JOB_DIGESTS
from inventory.schema.ledger import SNAPSHOTS, SOURCES
from inventory.store.engine import Store, open_store
from inventory.store.staging import BUFFERED_VALUES, INDEX_AFTER_LOOKUPS, Changes
from inventory.store.writer import SourceRow, Writer, open_writer
from tests.nights import opened, recorded, running

ME, OTHER = SourceRow("me", "r", "p"), SourceRow("other", "r", "q")
COUNTS = ("requested", "returned", "absent", "unreadable", "deselected", "jobs", "added", "changed", "removed")
ESTATE = make_estate(12, objects=5)

PIECE = BUFFERED_VALUES // len(BY_NAME["object_infos"].names)  # objects that are written together


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    with opened(database) as store:
        yield store


def stage(writer: Writer, estate: dict[str, Any]) -> dict[str, str]:
    """Stage jobs; return their digests."""
    digests = {}
    for job_id in sorted(estate):
        job = normalise(job_id, Redactor().job(estate[job_id]))
        proof = digest_job((BY_NAME[name], row) for name, rows in job.rows.items() for row in rows)
        for name, rows in job.rows.items():
            writer.staging.add(name, rows)
        writer.staging.add("internal_job_digests", [(job_id, proof.digest, proof.fingerprints)])
        digests[job_id] = proof.digest
    return digests


def commit(writer: Writer, digests: dict[str, str], changes: Changes | None = None) -> dict[str, Any]:
    changes = changes or writer.staging.compare()
    row = {"started_at": datetime.now(UTC), "status": "complete", "run_id": "r", "requests": 0, "retries": 0}
    counts = dict.fromkeys(COUNTS, 0) | {name: len(ids) for name, ids in changes.items()}
    counts["jobs"] = len(writer.base.jobs) + counts["added"] - counts["removed"]
    return writer.commit({**row, **counts}, content_digest(digests.items()))


def write(store: Store, estate: dict[str, Any], source: SourceRow = ME) -> dict[str, Any]:
    with open_writer(store, source) as writer:
        return commit(writer, stage(writer, estate))


def rows(store: Store) -> dict[str, list[Row]]:
    """Return what the tables hold, in order."""
    with store.reading() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for entity in (*ENTITIES, JOB_DIGESTS)
            for table in (entity.current, entity.history)
        }


@contextmanager
def statements(store: Store) -> Iterator[list[tuple[str, Any]]]:
    """Gather what SQLAlchemy executes."""
    said: list[tuple[str, Any]] = []

    def listen(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        said.append((statement.strip(), parameters))

    event.listen(store.engine, "before_cursor_execute", listen)
    yield said
    event.remove(store.engine, "before_cursor_execute", listen)


def is_dropped(said: list[tuple[str, Any]]) -> bool:
    """Tell whether keys, or indexes, were dropped."""
    return any("DROP CONSTRAINT jobs_pkey" in statement or "DROP INDEX" in statement for statement, _ in said)


def test_rows_are_the_same_on_both_databases(store: Store, tmp_path: Path) -> None:
    """Two nights that are recorded, and all rows and digests of them: as on an SQLite database beside it."""
    job = {"status": "CREATING", "tags": [{"key": "k", "value": "v"}, {"key": "k", "value": "w"}], "oddity": 1}
    times = {"create_time": "1608519469412", "update_time": "2020-12-21T02:57:49Z", "description": "a\tb\\n\n\\N"}
    objects = {"object_infos": [{"id": f"o{number}", "type": "table"} for number in range(PIECE + 10)]}
    source = recorded(tmp_path, [{"a": {**job, **objects}, "b": {**job, **times}}, {"a": job, "c": {**job, **times}}])
    found = []
    with opened(f"sqlite:///{tmp_path}/beside.db") as beside:
        for each in (store, beside):
            snapshots = [result.snapshot for result in export_source(source, running(each, sources=(source,)))]
            digests = [snapshot["content_digest"] for snapshot in snapshots if snapshot]
            assert len(digests) == 2
            found.append((digests, rows(each)))
    assert found[0] == found[1]
    assert len(found[0][1]["object_infos_history"]) == PIECE + 10


def test_keys_and_indexes_are_as_before(store: Store) -> None:
    """PostgreSQL's first snapshot drops them and makes them again: by the same definitions, others' own among them."""
    queries = {
        "sqlite": ["SELECT type, name, tbl_name, sql FROM sqlite_master"],
        "postgresql": [
            "SELECT CAST(conrelid AS regclass), conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint",
            "SELECT schemaname, tablename, indexname, indexdef FROM pg_indexes",
        ],
    }

    def catalogue() -> set[Any]:
        with store.engine.connect() as connection:
            return {
                tuple(row) for query in queries[store.engine.dialect.name] for row in connection.execute(text(query))
            }

    with store.engine.begin() as connection:
        connection.execute(text("CREATE INDEX theirs ON tags (value) WHERE value NOT IN ('100%', '\\:a')"))
    before = catalogue()
    with statements(store) as said:
        write(store, ESTATE)
    assert is_dropped(said) == (not store.is_sqlite)
    assert catalogue() == before
    with statements(store) as said:
        write(store, {})
    assert not is_dropped(said)


def test_a_job_that_is_asked_again(store: Store) -> None:
    """What was staged of it is gone, whether it waited in memory or was written."""
    many = [{"id": f"o{number}", "type": "table"} for number in range(PIECE)]
    ids = sorted(ESTATE)
    with open_writer(store, ME) as writer:
        stage(writer, {ids[0]: {**ESTATE[ids[0]], "object_infos": many, "name": "old"}, ids[1]: {"name": "old"}})
        for job_id in ids[:2]:
            writer.staging.discard(job_id)
            assert list(writer.staging.rows_of(job_id)) == []
        digests = stage(writer, ESTATE)
        for job_id in ids:
            proof = digest_job(writer.staging.rows_of(job_id))
            assert proof.digest == digests[job_id]
            writer.staging.stage_digest(job_id, proof)
        row = commit(writer, digests)
    assert [row[name] for name in ("added", "changed", "removed")] == [12, 0, 0]
    found = rows(store)
    assert len(found["jobs"]) == len(found["internal_job_digests"]) == 12
    assert len(found["object_infos"]) == 60


def test_what_fails_leaves_nothing(store: Store) -> None:
    before = rows(store)
    with pytest.raises(BusyError), open_writer(store, ME) as writer:
        stage(writer, make_estate(12, objects=PIECE // 10))
        raise BusyError("stop")
    assert rows(store) == before
    with store.reading() as connection:
        for table in (SOURCES, SNAPSHOTS):
            assert connection.execute(select(func.count()).select_from(table)).scalar() == 0
    assert write(store, ESTATE)["added"] == 12


def test_another_source_is_first(store: Store) -> None:
    """Another source's snapshot appears between the opening and the first rows."""
    with open_writer(store, ME) as writer:
        write(store, {}, OTHER)
        digests = stage(writer, ESTATE)
        commit(writer, digests)
    with store.reading() as connection:
        assert connection.execute(select(func.count()).select_from(SNAPSHOTS)).scalar() == 2
    assert len(rows(store)["jobs"]) == 12


def test_another_is_at_the_tables(store: Store) -> None:
    """Staging waits for no reader, nor does a commit to PostgreSQL; a commit to SQLite needs the file alone."""
    began = datetime.now(UTC)
    with open_writer(store, ME) as writer, statements(store) as said:
        with store.reading() as connection:
            connection.execute(select(BY_NAME["tags"].current)).all()
            digests = stage(writer, ESTATE)
            changes = writer.staging.compare()
            if not store.is_sqlite:
                commit(writer, digests, changes)
        if store.is_sqlite:
            commit(writer, digests, changes)
    assert not is_dropped(said)
    assert len(rows(store)["jobs"]) == 12
    assert (datetime.now(UTC) - began).total_seconds() < 10


def test_a_role_that_may_only_write(postgresql: str) -> None:
    """Keys stay on where they are another role's; the rows are the same."""
    role = f"writer_{uuid.uuid4().hex[:8]}"
    with opened(postgresql) as store, store.engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {role} LOGIN"))
        connection.execute(text(f"GRANT USAGE ON SCHEMA public_internal TO {role}"))
        connection.execute(text(f"GRANT ALL ON ALL TABLES IN SCHEMA public, public_internal TO {role}"))
        connection.execute(text(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}"))
    url = make_url(normal_url(postgresql)).set(username=role).render_as_string(hide_password=False)
    with open_store(url, write=True) as store, statements(store) as said:
        assert write(store, ESTATE)["added"] == 12
        assert len(rows(store)["object_infos"]) == 60
    assert is_dropped(said)
    with opened(postgresql) as store, store.engine.begin() as connection:
        connection.execute(text(f"DROP OWNED BY {role}"))
        connection.execute(text(f"DROP ROLE {role}"))


def test_a_jobs_staged_rows_are_the_same_with_an_index_and_without(store: Store) -> None:
    job_id = min(ESTATE)
    job = normalise(job_id, Redactor().job(ESTATE[job_id]))
    wanted = sorted((name, row) for name, rows in job.rows.items() for row in rows)
    with open_writer(store, ME) as writer, statements(store) as said:
        stage(writer, ESTATE)
        for look in range(INDEX_AFTER_LOOKUPS + 2):
            found = sorted((entity.name, row) for entity, row in writer.staging.rows_of(job_id))
            assert repr(found) == repr(wanted)
            keys = [statement for statement, _ in said if statement.startswith("CREATE INDEX ON staged_object_infos ")]
            assert len(keys) == (look >= INDEX_AFTER_LOOKUPS and not store.is_sqlite)


def test_what_was_compiled_for_one_source_serves_the_next(store: Store) -> None:
    """Else a run of many sources keeps hundreds of long statements: a mebibyte for each source."""
    compiled: dict[Any, Any] = {}
    cached = Store(store.engine.execution_options(compiled_cache=compiled), store.path)
    job_id = min(ESTATE)
    sizes = []
    for source in (ME, OTHER, SourceRow("third", "r", "s")):
        for name in ("before", "after"):
            write(cached, {**ESTATE, job_id: {**ESTATE[job_id], "name": name}}, source)
        sizes.append(len(compiled))
    assert sizes[0] == sizes[1] == sizes[2]


def test_a_time_may_come_as_it_is_stored(store: Store) -> None:
    moment = datetime(2020, 12, 21, 2, 57, 49, 412000, tzinfo=UTC)
    jobs = BY_NAME["jobs"]

    def job(job_id: str, time: Any) -> Row:
        return tuple({"id": job_id, "create_time": time}.get(name) for name in jobs.names)

    with open_writer(store, ME) as writer:
        writer.staging.add("jobs", [job("a", moment), job("b", "2020-12-21T02:57:49.412000Z"), job("c", None)])
        commit(writer, {})
    with store.reading() as connection:
        found = dict(connection.execute(select(jobs.current.c.id, jobs.current.c.create_time)).all())
        kinds = select(func.count(func.distinct(jobs.current.c.create_time)))
        assert connection.execute(kinds).scalar() == 1
    assert found == {"a": moment, "b": moment, "c": None}


@contextmanager
def scanned(store: Store) -> Iterator[set[str]]:
    """Gather which tables SQLite reads as a whole for what is executed."""
    found: set[str] = set()

    def explain(_: Any, cursor: Any, statement: str, parameters: Any, __: Any, many: bool) -> None:
        if not many and statement.startswith(("SELECT", "INSERT", "DELETE", "UPDATE")):
            steps = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            found.update(step.split()[1] for *_, step in steps if step.startswith("SCAN "))

    event.listen(store.engine, "before_cursor_execute", explain)
    yield found
    event.remove(store.engine, "before_cursor_execute", explain)


def test_an_unchanged_job_costs_nothing(store: Store) -> None:
    """Of a night in which one job of many changed, no table that grows with the estate is read as a whole."""
    if not store.is_sqlite:
        pytest.skip("PostgreSQL reads so few rows rather as they lie")
    write(store, ESTATE)
    before, changed = rows(store), sorted(ESTATE)[3]
    with open_writer(store, ME) as writer:
        digests = writer.base.digests | stage(writer, {changed: {**ESTATE[changed], "description": "new"}})
        writer.staging.carry(ESTATE.keys() - {changed})
        with scanned(store) as found:
            row = commit(writer, digests)
    assert [row[name] for name in ("added", "changed", "removed")] == [0, 1, 0]
    assert "checked_jobs" in found
    assert found.isdisjoint(entity.name for entity in (*ENTITIES, JOB_DIGESTS))
    after = rows(store)
    differing = {name: len(after[name]) - len(before[name]) for name in after if after[name] != before[name]}
    assert differing == {"jobs": 0, "jobs_history": 1, "internal_job_digests": 0, "internal_job_digests_history": 1}


def test_what_takes_another_row_s_key_takes_its_place(store: Store) -> None:
    """An SQLite file grows by what is new, and not by what is replaced."""
    if not store.is_sqlite:
        pytest.skip("PostgreSQL gives every version of a row a place of its own")

    def places() -> dict[str, int]:
        with store.reading() as connection:
            return dict(connection.execute(text("SELECT job_id, rowid FROM internal_job_digests")).all())

    second = sorted(ESTATE)[1]
    write(store, ESTATE)
    before = places()
    write(store, {**ESTATE, second: {**ESTATE[second], "description": "new"}, "new": {"id": "new", "name": "new"}})
    after = places()
    assert after.keys() - before.keys() == {"new"}
    assert {job_id: after[job_id] for job_id in before} == before


def test_a_night_on_which_everything_changes(store: Store) -> None:
    """Of each job rows leave, come, stay, and have other values: what a night saw is as if it were the only one."""

    def night(number: int) -> dict[str, Any]:
        objects = [{"id": f"{n}", "type": "table", "name": f"{n % 2 * number}"} for n in range(number, number + 20)]
        return {job_id: {**job, "name": f"{number}", "object_infos": objects} for job_id, job in ESTATE.items()}

    def seen(snapshot: dict[str, Any], name: str) -> list[Row]:
        columns = ", ".join(BY_NAME[name].names)
        query = text(f"SELECT {columns} FROM {name}_as_of WHERE snapshot_id = {snapshot['id']} ORDER BY 1, 2, 3, 4")
        with store.reading() as connection:
            return [tuple(row) for row in connection.execute(query)]

    nights = [write(store, night(number)) for number in (0, 1, 2)]
    alone = [write(store, night(number), SourceRow(f"{number}", "r", f"{number}")) for number in (0, 1, 2)]
    for name in ("jobs", "object_infos", "endpoints"):
        assert [seen(one, name) for one in nights] == [seen(one, name) for one in alone]
    assert [len(seen(one, "object_infos")) for one in nights] == [20 * len(ESTATE)] * 3
    since = Counter(row[-1] for row in rows(store)["object_infos"] if row[0] == nights[0]["source_id"])
    # Of 2 to 21: nine even ones stood from the beginning, 20 came the second night, the odd ones changed each night.
    assert since == {night["id"]: count * len(ESTATE) for night, count in zip(nights, (9, 1, 10), strict=True)}
