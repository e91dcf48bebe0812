"""Create and migrate a database with Alembic, from a checkout or from the installed wheel."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sqlalchemy import Connection, insert, inspect, text

from inventory.common.errors import StoreError
from inventory.schema import REVISION
from inventory.schema.internal import drop_schema, move_tables
from inventory.schema.ledger import MAINTENANCE, METADATA, VERSION, declared
from inventory.schema.views import views
from inventory.store import derived
from inventory.store.engine import Store, open_store, translate_errors
from inventory.store.exclusive import exclusive
from inventory.store.sqlite_lock import LockWait

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = [
    "Downgrade", "Upgrade", "alembic_config", "current", "differs", "downgrade", "has_tables", "prepare",
    "record_revision", "refuse_existing_names", "refuse_unknown", "require_head", "scratch", "upgrade",
]  # fmt: skip

_MARKER_TABLE = "jobs_history"  # exists since the first revision


def current(store: Store) -> str | None:
    """Return the revision of the database; None if it has no tables of inventory.

    Raises:
        StoreError: the database cannot be opened.
    """
    with translate_errors(store), store.connect() as connection:
        return _current(connection)


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION.name):
        _refuse_hidden_schema(connection)
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    if found and not inspect(connection).has_table(_MARKER_TABLE):
        raise StoreError(
            f"the table alembic_version holds {', '.join(sorted(found))}, and there are no tables of inventory:"
            " it is another application's",
            "Use a database of its own; on PostgreSQL a schema of its own will do, named by"
            " ?options=-csearch_path%3DNAME in the URL",
        )
    return found[0] if found else None


def _refuse_hidden_schema(connection: Connection) -> None:
    """Refuse a schema that the user may not use: its tables look as if they were not there."""
    if connection.dialect.name == "postgresql":
        from inventory.store.rights import hidden_schema

        if (why := hidden_schema(connection)) is not None:
            raise StoreError(why, "Grants needed: `inventory db grants`, run by a user who has that right")


def require_head(store: Store) -> None:
    """Refuse a database at another revision.

    Raises:
        StoreError: older, newer or empty; the hint names the command to run.
    """
    at = current(store)
    if at == REVISION:
        return
    if at is None:
        raise StoreError(f"the database {store} has no tables of inventory", "Run `inventory db upgrade`")
    refuse_unknown(store, at)
    raise StoreError(
        f"the database {store} is at revision {at}, this version needs {REVISION}", "Run `inventory db upgrade`"
    )


def refuse_unknown(store: Store, at: str) -> None:
    """Refuse a revision that this version does not know.

    Raises:
        StoreError: a newer version wrote it.
    """
    if at not in _known_revisions():
        raise StoreError(
            f"the database {store} is at revision {at}, which this version does not know",
            "A newer inventory wrote it; install that version",
        )


def prepare(store: Store) -> Path | None:
    """Prepare a database for export: create or upgrade an SQLite file; a server must be upgraded already.

    Returns:
        The copy of the file from before an upgrade, if there was one.
    """
    if store.is_sqlite and current(store) != REVISION:
        return upgrade(store).copy
    require_head(store)
    return None


@contextmanager
def scratch() -> Iterator[Store]:
    """An empty temporary SQLite database at this revision."""
    with (
        TemporaryDirectory(prefix="inventory-") as folder,
        open_store(f"sqlite:///{folder}/empty.db", write=True) as store,
    ):
        _create(store, LockWait())
        yield store


@dataclass(frozen=True)
class Upgrade:
    """The result of an upgrade.

    before: the revision before; None for no tables. copy: the backup of an SQLite file. repaired: the revision was
    right, but views, triggers or comments were recreated, as after a downgrade by a newer version.
    """

    before: str | None
    copy: Path | None = None
    repaired: bool = False


def upgrade(store: Store, waiting: LockWait | None = None) -> Upgrade:
    """Upgrade to this version's revision in one transaction; an SQLite file with tables is copied first.

    An empty database gets the declared tables, which equal the result of the migrations and are created faster.
    Views, triggers and comments are recreated from the declared schema after the last migration.
    Of two concurrent upgrades one waits for the other and then does nothing.

    Raises:
        BusyError: another upgrade still runs after the timeout.
        StoreError: other sessions still use the tables after the timeout, or the database refuses.
    """
    from inventory.store.lock import UPGRADE, source_lock  # read-only commands do not import it

    waiting = waiting or LockWait()
    if (at := current(store)) == REVISION and not differs(store):
        return Upgrade(at)
    with source_lock(store, UPGRADE, waiting.seconds, waiting.stop, UPGRADE, waiting.on_wait):
        if (at := current(store)) == REVISION:
            return Upgrade(at, repaired=_repair(store, waiting))
        if at is None:
            _create(store, waiting)
            return Upgrade(at)
        refuse_unknown(store, at)
        copy = _copy(store.path, at) if store.path is not None else None
        with _alembic(store, waiting) as (config, connection):
            from alembic import command

            if store.is_sqlite:  # views can block a change of their tables there; on a server they keep their grants
                derived.drop(connection)
            command.upgrade(config, "head")
            _move_internal_tables(connection)
            derived.create(connection)
    return Upgrade(at, copy)


def differs(store: Store) -> bool:
    """Return whether views, triggers or comments are not as declared."""
    with translate_errors(store), store.reading() as connection:
        return any(True for _ in derived.differences(connection))


def _repair(store: Store, waiting: LockWait) -> bool:
    """Recreate views, triggers and comments if they are not as declared; return whether they were not."""
    if not differs(store):
        return False
    with translate_errors(store, "owner"), exclusive(store, waiting) as connection:
        derived.create(connection)
    return True


def _create(store: Store, waiting: LockWait) -> None:
    """Create all tables, views and triggers in one transaction, unless another process did so first."""
    with translate_errors(store, "owner"), exclusive(store, waiting) as connection:
        if _current(connection) is not None:
            return
        dialect = connection.dialect.name
        refuse_existing_names(connection, store)
        declared(dialect).create_all(connection, checkfirst=False)
        _move_internal_tables(connection)
        connection.execute(insert(MAINTENANCE).values(id=1, pruning=False))
        derived.create(connection)
        record_revision(connection)


def _move_internal_tables(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(move_tables(), execution_options={"no_parameters": True})


def has_tables(connection: Connection) -> bool:
    """Return whether there are tables of inventory, of whatever revision."""
    return inspect(connection).has_table(_MARKER_TABLE)


def record_revision(connection: Connection) -> None:
    """Record this version's revision in a database that has none."""
    VERSION.create(connection, checkfirst=True)
    connection.execute(insert(VERSION).values(version_num=REVISION))


def refuse_existing_names(connection: Connection, store: Store) -> None:
    """Refuse to create tables if any of their names is in use.

    Raises:
        StoreError: some are; or all tables are there, and no revision is recorded.
    """
    inspector = inspect(connection)
    wanted = {*METADATA.tables, *views(connection.dialect.name)}
    taken = sorted(wanted & {*inspector.get_table_names(), *inspector.get_view_names()})
    if _MARKER_TABLE in taken:
        raise StoreError(f"{store}: the tables exist but no revision is recorded", "Run `inventory db stamp`")
    if taken:
        some = ", ".join(taken[:5]) + (", …" if len(taken) > 5 else "")
        raise StoreError(
            f"the database {store} has tables or views of these names already ({some}), and no revision is recorded",
            "If they are not inventory's, use a database of its own, or a schema",
        )


@dataclass(frozen=True)
class Downgrade:
    """The result of a downgrade, or of its trial.

    before, after: the revisions; None for no tables. dropped: the tables and columns that go. copy: the backup of an
    SQLite file.
    """

    before: str | None
    after: str | None
    dropped: list[str]
    copy: Path | None = None


class _RolledBack(Exception):  # noqa: N818  # not an error: it ends a transaction
    pass


def downgrade(store: Store, revision: str, *, dry_run: bool = False) -> Downgrade:
    """Go back to an older revision; a migration refuses if rows or values would be lost.

    An SQLite file is copied first.
    The views and triggers of that revision are created by `upgrade` of the version it belongs to.

    Args:
        dry_run: run it in a transaction that is rolled back.

    Raises:
        BusyError: an upgrade is running.
        StoreError: a migration refuses, or the revision is unknown.
    """
    from inventory.store.lock import UPGRADE, source_lock

    waiting = LockWait()
    with source_lock(store, UPGRADE, waiting.seconds, waiting.stop, "db downgrade"):
        at = current(store)
        copy = _copy(store.path, at or "none") if store.path is not None and not dry_run else None
        try:
            done = _downgrade(store, revision, waiting, dry_run=dry_run)
        except StoreError:
            if copy is not None:
                copy.unlink()  # of a file that did not change
            raise
    return replace(done, copy=copy)


def _downgrade(store: Store, revision: str, waiting: LockWait, *, dry_run: bool) -> Downgrade:
    from alembic import command

    with suppress(_RolledBack), _alembic(store, waiting) as (config, connection):
        before, parts = _current(connection), _parts(connection)
        derived.drop(connection)
        command.downgrade(config, revision)
        after = _current(connection)
        if after == before:
            raise StoreError(f"the database {store} is at revision {before} already")
        if after is None and not store.is_sqlite:
            connection.exec_driver_sql(drop_schema(), execution_options={"no_parameters": True})
        left = _parts(connection)
        gone = [table for table in parts if table not in left]
        columns = [
            f"{name}.{each}" for name, found in left.items() for each in parts.get(name, ()) if each not in found
        ]
        done = Downgrade(
            before, after, [*(f"table {name}" for name in gone), *(f"column {column}" for column in columns)]
        )
        if dry_run:
            raise _RolledBack
    return done


def _parts(connection: Connection) -> dict[str, list[str]]:
    """Return the columns of each table."""
    inspector = inspect(connection)
    return {
        name: [column["name"] for column in inspector.get_columns(name)] for name in sorted(inspector.get_table_names())
    }


def _copy(path: Path, revision: str) -> Path:
    """Copy the file into its own folder, consistently even while others read; never overwrite an older copy."""
    name = f"{path.name}.{revision}.{datetime.now(UTC).strftime('%Y%m%dT%H%M%SZ')}"
    names = (f"{name}{f'-{number}' if number > 1 else ''}.backup" for number in count(1))
    target = next(each for each in map(path.with_name, names) if not each.exists())
    unfinished = target.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(path)) as original, closing(sqlite3.connect(unfinished)) as copy:
            original.backup(copy)
        unfinished.replace(target)
    except (sqlite3.Error, OSError) as error:
        unfinished.unlink(missing_ok=True)
        raise StoreError(f"the database {path} could not be copied: {error}", "Nothing was changed") from None
    return target


def _script_folder() -> Path:
    package = Path(__file__).parent.parent
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def _known_revisions() -> set[str]:
    from alembic.script import ScriptDirectory

    return {script.revision for script in ScriptDirectory(str(_script_folder())).walk_revisions()}


def alembic_config() -> "Config":
    """Return Alembic's configuration, which finds the migrations in a checkout and in the installed wheel."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_script_folder()).replace("%", "%%"))
    return config


@contextmanager
def _alembic(store: Store, waiting: LockWait) -> Iterator[tuple["Config", Connection]]:
    """Yield Alembic's configuration and its connection, in one transaction for all steps."""
    from alembic.util import CommandError

    config = alembic_config()
    try:
        with translate_errors(store, "owner"), exclusive(store, waiting) as connection:
            config.attributes["connection"] = connection
            yield config, connection
    except (CommandError, RuntimeError) as error:  # RuntimeError: a revision refuses to lose rows
        raise StoreError(f"the database {store} was not migrated: {error}") from None
