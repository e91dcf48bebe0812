"""The tables that an export writes for views beside the estate: `calendar`, `snapshot_counts`, `report_settings`.

`snapshot_counts` follows from the tables of the estate: `count_rows` gives it again. `verify` compares the two, and
`prune` writes it anew, since a snapshot is then compared with another one before it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, column, delete, func, insert, select, table, update

from inventory.schema import ENTITIES, ESTATE
from inventory.schema.ledger import CALENDAR, REPORT_SETTINGS, SNAPSHOT_COUNTS, SNAPSHOTS
from inventory.schema.views.tasks import OWNER_TAG

__all__ = [
    "NOTHING", "Counts", "Moved", "count_rows", "extend_calendar", "recount", "store_owner_tag", "stored_counts",
    "write_counts",
]  # fmt: skip

_EPOCH = date(1970, 1, 1)
_MOST_DAYS = 36_525  # a wrong clock must not fill the database with days: a hundred years before the last one
_CHANGES = table("changes", *map(column, ("source_id", "snapshot_id", "table_name", "action")))
_COMPARED = {entity.name for entity in ESTATE}


class Moved(NamedTuple):
    """How many rows of a table a snapshot added, changed and removed."""

    added: int = 0
    changed: int = 0
    removed: int = 0


@dataclass(frozen=True)
class Counts:
    """A row of `snapshot_counts` without its key. The last three are None for a table that `changes` does not have."""

    rows: int
    added: int | None
    changed: int | None
    removed: int | None


NOTHING = (Counts(0, 0, 0, 0), Counts(0, None, None, None))


def _row(name: str, rows: int, moved: Moved) -> Counts:
    return Counts(rows, *moved) if name in _COMPARED else Counts(rows, None, None, None)


def write_counts(
    connection: Connection, snapshot: Mapping[str, Any], previous: int | None, moved: Mapping[str, Moved]
) -> None:
    """Write the counts of a new snapshot, whose rows are merged already.

    Args:
        snapshot: its row. previous: the id of the source's snapshot before. moved: by table.
    """
    known = stored_counts(connection, [previous]) if previous is not None else {}
    found = {}
    for entity in ENTITIES:
        name, now = entity.name, moved.get(entity.name, Moved())
        if (before := known.get((previous or 0, name))) is not None:
            rows = before.rows + now.added - now.removed
        else:
            query = select(func.count()).where(entity.current.c.source_id == snapshot["source_id"])
            rows = connection.execute(query).scalar_one()
        found[snapshot["id"], name] = _row(name, rows, now)
    _insert(connection, found)


def _insert(connection: Connection, found: Mapping[tuple[int, str], Counts]) -> None:
    rows = [{"snapshot_id": at, "table_name": name, **vars(each)} for (at, name), each in found.items()]
    if rows:
        connection.execute(insert(SNAPSHOT_COUNTS), rows)


def stored_counts(connection: Connection, snapshot_ids: Iterable[int]) -> dict[tuple[int, str], Counts]:
    """Return what is stored for some snapshots: (snapshot, table) -> counts."""
    query = select(SNAPSHOT_COUNTS).where(SNAPSHOT_COUNTS.c.snapshot_id.in_(list(snapshot_ids)))
    return {(at, name): Counts(*counts) for at, name, *counts in connection.execute(query)}


def count_rows(connection: Connection, source_id: int) -> dict[tuple[int, str], Counts]:
    """Count the rows and changes of each snapshot of a source that is not pruned, from the tables of the estate."""
    mine = (SNAPSHOTS.c.source_id == source_id) & SNAPSHOTS.c.pruned_at.is_(None)
    kept = sorted(connection.execute(select(SNAPSHOTS.c.id).where(mine)).scalars())
    changed: dict[tuple[int, str], dict[str, int]] = {}
    key = _CHANGES.c.snapshot_id, _CHANGES.c.table_name, _CHANGES.c.action
    query = select(*key, func.count()).where(_CHANGES.c.source_id == source_id).group_by(*key)
    for at, name, action, number in connection.execute(query):
        changed.setdefault((at, name), {})[action] = number
    found = {}
    for entity in ENTITIES:
        steps = dict.fromkeys(kept, 0)
        for each, end, sign in (
            (entity.current, "valid_from", 1), (entity.history, "valid_from", 1), (entity.history, "valid_to", -1),
        ):  # fmt: skip
            for at, number in _numbers(connection, each, end, source_id):
                if (first := next((place for place in kept if place >= at), None)) is not None:
                    steps[first] += sign * number
        for at, rows in zip(kept, accumulate(steps.values()), strict=True):
            actions = changed.get((at, entity.name), {})
            moved = Moved(*(actions.get(action, 0) for action in ("create", "update", "delete")))
            found[at, entity.name] = _row(entity.name, rows, moved)
    return found


def _numbers(connection: Connection, of: Table, end: str, source_id: int) -> list[tuple[int, int]]:
    query = select(of.c[end], func.count()).where(of.c.source_id == source_id).group_by(of.c[end])
    return [(at, number) for at, number in connection.execute(query)]


def recount(connection: Connection, source_id: int) -> None:
    """Write the counts of a source anew, without those of pruned snapshots."""
    ids = select(SNAPSHOTS.c.id).where(SNAPSHOTS.c.source_id == source_id)
    connection.execute(delete(SNAPSHOT_COUNTS).where(SNAPSHOT_COUNTS.c.snapshot_id.in_(ids)))
    _insert(connection, count_rows(connection, source_id))


def extend_calendar(connection: Connection) -> None:
    """Add the days that `calendar` lacks between the first and the last snapshot of the database."""
    at = func.coalesce(SNAPSHOTS.c.observed_to, SNAPSHOTS.c.finished_at, type_=SNAPSHOTS.c.finished_at.type)
    first, last = (_day(each) for each in connection.execute(select(func.min(at), func.max(at))).one())
    if first is None or last is None:
        return
    first = max(first, last - timedelta(days=min(_MOST_DAYS, last.toordinal()) - 1))
    wanted = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    span = CALENDAR.c.day.between(first, last)
    if connection.execute(select(func.count()).where(span)).scalar_one() == len(wanted):
        return
    known = set(connection.execute(select(CALENDAR.c.day).where(span)).scalars())
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as insert_new
    else:
        from sqlalchemy.dialects.sqlite import insert as insert_new  # type: ignore[assignment]
    # Two sources may add the same day at the same time.
    connection.execute(
        insert_new(CALENDAR).on_conflict_do_nothing(), [_calendar_row(day) for day in wanted if day not in known]
    )


def _day(moment: datetime | None) -> date | None:
    return None if moment is None else moment.astimezone(UTC).date()


def _calendar_row(day: date) -> dict[str, Any]:
    is_last = day == date.max or (day + timedelta(days=1)).month != day.month
    return {
        "day": day, "day_number": (day - _EPOCH).days, "month": f"{day:%Y-%m}".rjust(7, "0"), "is_month_end": is_last,
    }  # fmt: skip


def store_owner_tag(connection: Connection, key: str) -> None:
    """Store which tag names the owner of a task, for the view `tasks`."""
    mine = REPORT_SETTINGS.c.name == OWNER_TAG
    if connection.execute(select(REPORT_SETTINGS.c.value).where(mine)).scalar() != key:
        connection.execute(update(REPORT_SETTINGS).where(mine).values(value=key))
