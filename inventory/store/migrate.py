"""Bringing a database to the right revision: Alembic, from the checkout or from the installed wheel."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, insert, inspect, text

from inventory.errors import StoreError
from inventory.schema import REVISION
from inventory.schema.ledger import MAINTENANCE, declared
from inventory.store.engine import Store, open_store, translated
from inventory.store.triggers import triggers
from inventory.store.views import views

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["check", "current", "downgrade", "prepare", "require_head", "scratch", "upgrade"]

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
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def require_head(store: Store) -> None:
    """Refuse a database at another revision, and name the command that helps.

    Raises:
        StoreError: older, newer or empty.
    """
    at = current(store)
    if at == REVISION:
        return
    if at is None:
        raise StoreError(f"the database {store} has no inventory in it", "`inventory db upgrade` prepares it")
    if at not in _known():
        raise StoreError(
            f"the database {store} is at revision {at}, which this version does not know",
            "A newer inventory wrote it; install that version",
        )
    raise StoreError(
        f"the database {store} is at revision {at}, this version needs {REVISION}", "Run `inventory db upgrade`"
    )


def prepare(store: Store) -> Path | None:
    """Make a database ready for export: SQLite is created or upgraded, a server must be right already.

    Returns:
        The copy that was made of the file before an upgrade, if any.
    """
    if store.is_sqlite and current(store) != REVISION:
        return upgrade(store)
    require_head(store)
    return None


@contextmanager
def scratch() -> Iterator[Store]:
    """An empty SQLite database at this revision, gone with the context: what a new one would be."""
    with (
        TemporaryDirectory(prefix="inventory-") as folder,
        open_store(f"sqlite:///{folder}/empty.db", write=True) as store,
    ):
        _create(store)
        yield store


def upgrade(store: Store) -> Path | None:
    """Upgrade to this version's revision in one transaction; an SQLite file that has tables is copied before.

    A database without tables of ours gets them as declared, which is what the migrations come to, and far quicker.

    Returns:
        The copy, if any.
    """
    at = current(store)
    if at == REVISION:
        return None
    if at is None:
        _create(store)
        return None
    if at not in _known():
        require_head(store)
    copy = _copy(store.path, at) if store.path is not None else None
    with _alembic(store) as config:
        from alembic import command

        command.upgrade(config, "head")
    return copy


def _create(store: Store) -> None:
    """Make all tables, views and triggers in one transaction, unless another process was first."""
    with translated(store), store.connect() as connection:
        begun = connection.execution_options(sqlite_begin="BEGIN EXCLUSIVE")
        with begun.begin():
            if _current(begun) is not None:
                return
            declared(begun.dialect.name).create_all(begun, checkfirst=False)
            begun.execute(insert(MAINTENANCE).values(id=1, pruning=False))
            for make in (views, triggers):
                for statement in make(begun.dialect.name).values():
                    begun.exec_driver_sql(statement)
            _VERSION.create(begun, checkfirst=True)
            begun.execute(insert(_VERSION).values(version_num=REVISION))


def downgrade(store: Store, revision: str) -> None:
    """Go back to an older revision; a migration refuses where rows would be lost.

    Raises:
        StoreError: it refuses, or does not know the revision.
    """
    with _alembic(store) as config:
        from alembic import command

        command.downgrade(config, revision)


def check(store: Store) -> list[str]:
    """Compare the database with the declared schema; one line for each difference, none where they agree."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    require_head(store)
    with store.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        dialect = store.engine.dialect.name
        tables = [_difference(entry) for entry in compare_metadata(context, declared(dialect))]
        missing = views(dialect).keys() - set(inspect(connection).get_view_names())
        lost = _triggers(dialect) - set(connection.execute(text(_TRIGGERS[dialect])).scalars())
        return [
            *tables,
            *(f"the view {name} is missing" for name in sorted(missing)),
            *(f"the trigger {name} is missing or disabled" for name in sorted(lost)),
        ]


_TRIGGERS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'",
}


def _triggers(dialect: str) -> set[str]:
    return {name for name, statement in triggers(dialect).items() if statement.startswith("CREATE TRIGGER")}


def _difference(entry: object) -> str:
    if isinstance(entry, list):
        return "; ".join(_difference(part) for part in entry)
    assert isinstance(entry, tuple)  # the two shapes of compare_metadata's answer
    return " ".join(
        str(getattr(part, "name", part)) for part in entry if isinstance(part, str) or hasattr(part, "name")
    )


def _copy(path: Path, revision: str) -> Path:
    """Copy the file beside itself, whole even while others read; never over an older copy."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    target = path.with_name(f"{path.name}.{revision}.{stamp}.backup")
    if target.exists():
        raise StoreError(f"the copy {target} exists already", "Wait a second and run it again")
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
def _alembic(store: Store) -> Iterator["Config"]:
    """Yield Alembic's configuration around one connection, in one transaction that all of its steps share."""
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_script_folder()).replace("%", "%%"))
    try:
        with translated(store), store.connect() as connection:
            begun = connection.execution_options(sqlite_begin="BEGIN EXCLUSIVE")
            with begun.begin():
                config.attributes["connection"] = begun
                yield config
    except (CommandError, RuntimeError) as error:  # the second: a revision that refuses to lose rows
        raise StoreError(f"the database {store} was not migrated: {error}") from None
