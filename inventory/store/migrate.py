"""Bringing a database to the right revision: Alembic, from the checkout or from the installed wheel."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, insert, inspect, text

from inventory.common.errors import StoreError
from inventory.schema import REVISION
from inventory.schema.ledger import MAINTENANCE, METADATA, declared
from inventory.schema.views import views
from inventory.store import derived
from inventory.store.engine import Store, open_store, translated
from inventory.store.exclusive import Waiting, exclusive

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["Upgrade", "current", "downgrade", "prepare", "require_head", "scratch", "upgrade"]

_OURS = "jobs_history"  # has been there since the first revision

_VERSION = Table(  # Alembic's own
    "alembic_version", MetaData(), Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)  # fmt: skip


def current(store: Store) -> str | None:
    """Return the revision that the database is at; None where it has no tables of ours.

    Raises:
        StoreError: the database cannot be opened.
    """
    with translated(store), store.connect() as connection:
        return _current(connection)


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    if found and not inspect(connection).has_table(_OURS):
        raise StoreError(
            f"the table alembic_version holds {', '.join(sorted(found))}, and there are no tables of inventory:"
            " it is another application's",
            "Use a database of its own; on PostgreSQL a schema of its own will do, named by"
            " ?options=-csearch_path%3DNAME in the URL",
        )
    return found[0] if found else None


def require_head(store: Store) -> None:
    """Refuse a database at another revision, and name the command that helps.

    Raises:
        StoreError: older, newer or empty.
    """
    at = current(store)
    if at == REVISION:
        return
    if at is None:
        raise StoreError(f"the database {store} has no tables of inventory", "Run `inventory db upgrade`")
    _refuse_unknown(store, at)
    raise StoreError(
        f"the database {store} is at revision {at}, this version needs {REVISION}", "Run `inventory db upgrade`"
    )


def _refuse_unknown(store: Store, at: str) -> None:
    if at not in _known():
        raise StoreError(
            f"the database {store} is at revision {at}, which this version does not know",
            "A newer inventory wrote it; install that version",
        )


def prepare(store: Store) -> Path | None:
    """Make a database ready for export: SQLite is created or upgraded, a server must be right already.

    Returns:
        The copy that was made of the file before an upgrade, if any.
    """
    if store.is_sqlite and current(store) != REVISION:
        return upgrade(store).copy
    require_head(store)
    return None


@contextmanager
def scratch() -> Iterator[Store]:
    """An empty SQLite database at this revision, gone with the context: what a new one would be."""
    with (
        TemporaryDirectory(prefix="inventory-") as folder,
        open_store(f"sqlite:///{folder}/empty.db", write=True) as store,
    ):
        _create(store, Waiting())
        yield store


@dataclass(frozen=True)
class Upgrade:
    """What an upgrade did.

    before: the revision that it found; None for no tables. copy: of an SQLite file. mended: at the right revision,
    but views or triggers were missing or changed, as after the downgrade that a newer version made.
    """

    before: str | None
    copy: Path | None = None
    mended: bool = False


def upgrade(store: Store, waiting: Waiting | None = None) -> Upgrade:
    """Upgrade to this version's revision in one transaction; an SQLite file that has tables is copied before.

    A database without tables of ours gets them as declared, which is what the migrations come to, and far quicker.
    Views, triggers and comments are made anew after the last migration, from the declared schema.
    Of two upgrades at once one waits for the other, and finds nothing to do.

    Raises:
        BusyError: another upgrade runs for longer than this one waits.
        StoreError: other sessions use the tables for longer, or the database refuses.
    """
    from inventory.store.lock import UPGRADE, source_lock  # who only reads needs none

    waiting = waiting or Waiting()
    if (at := current(store)) == REVISION and not _differs(store):
        return Upgrade(at)
    with source_lock(store, UPGRADE, waiting.seconds, waiting.stop, UPGRADE, waiting.on_wait):
        if (at := current(store)) == REVISION:
            return Upgrade(at, mended=_mend(store, waiting))
        if at is None:
            _create(store, waiting)
            return Upgrade(at)
        _refuse_unknown(store, at)
        copy = _copy(store.path, at) if store.path is not None else None
        with _alembic(store, waiting) as (config, connection):
            from alembic import command

            if store.is_sqlite:  # it changes no table that a broken view would name; a server's keep their rights
                derived.drop(connection)
            command.upgrade(config, "head")
            derived.make(connection)
    return Upgrade(at, copy)


def _differs(store: Store) -> bool:
    with translated(store), store.reading() as connection:
        return any(True for _ in derived.differences(connection))


def _mend(store: Store, waiting: Waiting) -> bool:
    """Make views, triggers and comments as declared, unless they are."""
    if not _differs(store):
        return False
    with translated(store), exclusive(store, waiting) as connection:
        derived.make(connection)
    return True


def _create(store: Store, waiting: Waiting) -> None:
    """Make all tables, views and triggers in one transaction, unless another process was first."""
    with translated(store), exclusive(store, waiting) as connection:
        if _current(connection) is not None:
            return
        dialect = connection.dialect.name
        _refuse_taken(connection, store)
        declared(dialect).create_all(connection, checkfirst=False)
        connection.execute(insert(MAINTENANCE).values(id=1, pruning=False))
        derived.make(connection)
        _VERSION.create(connection, checkfirst=True)
        connection.execute(insert(_VERSION).values(version_num=REVISION))


def _refuse_taken(connection: Connection, store: Store) -> None:
    """Refuse to make tables where others have these names."""
    inspector = inspect(connection)
    wanted = {*METADATA.tables, *views(connection.dialect.name)}
    taken = sorted(wanted & {*inspector.get_table_names(), *inspector.get_view_names()})
    if taken:
        some = ", ".join(taken[:5]) + (", …" if len(taken) > 5 else "")
        raise StoreError(
            f"the database {store} has tables or views of these names already ({some}), and no revision is recorded",
            "If they are not inventory's, use a database of its own, or a schema",
        )


def downgrade(store: Store, revision: str) -> None:
    """Go back to an older revision; a migration refuses where rows or values would be lost.

    The views and triggers of that revision are made by `upgrade` of the version that has it.

    Raises:
        StoreError: it refuses, or does not know the revision.
    """
    with _alembic(store, Waiting()) as (config, connection):
        from alembic import command

        derived.drop(connection)
        command.downgrade(config, revision)


def _copy(path: Path, revision: str) -> Path:
    """Copy the file beside itself, whole even while others read; never over an older copy."""
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
        raise StoreError(f"the database {path} could not be copied before its upgrade: {error}") from None
    return target


def _script_folder() -> Path:
    package = Path(__file__).parent.parent
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def _known() -> set[str]:
    from alembic.script import ScriptDirectory

    return {script.revision for script in ScriptDirectory(str(_script_folder())).walk_revisions()}


@contextmanager
def _alembic(store: Store, waiting: Waiting) -> Iterator[tuple["Config", Connection]]:
    """Yield Alembic's configuration and its connection, in one transaction that all of its steps share."""
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_script_folder()).replace("%", "%%"))
    try:
        with translated(store), exclusive(store, waiting) as connection:
            config.attributes["connection"] = connection
            yield config, connection
    except (CommandError, RuntimeError) as error:  # the second: a revision that refuses to lose rows
        raise StoreError(f"the database {store} was not migrated: {error}") from None
