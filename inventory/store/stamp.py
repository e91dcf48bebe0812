"""Record the revision of tables that a script made, if they are as declared."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from sqlalchemy import Connection

from inventory.common.errors import StoreError
from inventory.schema import REVISION
from inventory.store.check import compare
from inventory.store.engine import Store, translate_errors
from inventory.store.exclusive import exclusive
from inventory.store.migrate import current, has_tables, record_revision, refuse_unknown
from inventory.store.sqlite_lock import LockWait

__all__ = ["Stamp", "stamp"]


@dataclass(frozen=True)
class Stamp:
    """The result: whether the revision was recorded before; else the differences, for which it was not recorded."""

    already: bool = False
    differences: list[str] = field(default_factory=list)


def stamp(store: Store, *, dry_run: bool = False) -> Stamp:
    """Compare the tables with the declared ones; if they agree, record this version's revision.

    Raises:
        StoreError: there are no tables, or another revision is recorded.
    """
    at = current(store)
    if at == REVISION:
        return Stamp(already=True)
    if at is not None:
        refuse_unknown(store, at)
        raise StoreError(f"the database {store} is at revision {at}", "Run `inventory db upgrade`")
    reading_or_writing: AbstractContextManager[Connection] = (
        store.reading() if dry_run else exclusive(store, LockWait())
    )
    with translate_errors(store, "" if dry_run else "owner"), reading_or_writing as connection:
        if not has_tables(connection):
            raise StoreError(f"the database {store} has no tables of inventory", "Run `inventory db upgrade`")
        found = compare(connection)
        if not found and not dry_run:
            record_revision(connection)
    return Stamp(differences=found)
