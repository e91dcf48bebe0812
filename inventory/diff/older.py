"""Rows that were written before the tables had a column, read as today's: what they kept in `extra` is moved.

A member of the answer that had no column was kept in `extra`, whole. So the job's document is rebuilt from its rows
and made into rows again, by the schema as it is; what has a column or a table now is then compared like all else.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from inventory.common.exact_json import read
from inventory.diff.records import Step
from inventory.normalise.rebuild import rebuild
from inventory.normalise.walk import Row, normalise
from inventory.schema import BY_NAME, ESTATE
from inventory.schema.entities import Entity

__all__ = ["Recorded", "Rows"]

Rows = dict[str, tuple[list[Row], list[Row]]]  # table -> the rows that one end alone has, and the other
End = dict[str, list[Row]]  # table -> the rows of one job

_PIECE = 100  # jobs whose rows are held together


class Recorded:
    """Tells a column that an end's tables had from one that was "not recorded then".

    missing: those of the older end, as TABLE.COLUMN; None where the tables are the same.
    """

    def __init__(self, step: Step) -> None:
        self._step = step
        revisions = [row["schema_revision"] if row else None for row in (step.start, step.end)]
        known = {revision for revision in revisions if revision is not None}
        new = [(entity, field) for entity in ESTATE for field in entity.fields if field.api.since > min(known)]
        self.missing = [f"{entity.name}.{field.name}" for entity, field in new] if len(known) > 1 else None
        self._newer = _newer(min(known)) if new else {}
        self._lacking = {
            (end, entity.name, name)
            for end, revision in enumerate(revisions)
            for entity, field in new
            for name in (field.name, field.api.path)
            if revision is not None and field.api.since > revision
        }
        self._kept: set[tuple[int, str, str]] = set()  # end, table and job of rows that an end kept in `extra`

    def wanted(self, table: str | None) -> Iterator[Entity]:
        """Yield the tables whose rows it takes to compare one table, or all."""
        yield from (entity for entity in ESTATE if self._newer or table in (None, entity.name))

    def lacks(self, end: int, entity: Entity, name: str) -> bool:
        """Tell whether the tables of an end (0, 1) did not have a column, by its name or its path."""
        return (end, entity.name, name) in self._lacking

    def lacks_rows(self, end: int, entity: Entity, job_id: str) -> bool:
        """Tell whether an end did not record such rows: it had no such table, and nothing of them in `extra`."""
        if not self._newer or (end, entity.name, job_id) in self._kept:
            return False
        return all(self.lacks(end, entity, field.name) for field in entity.fields if field.api.path)

    def rewritten(self, rows: Rows) -> Rows:
        """Return the rows that differ as today's schema has them, where `extra` keeps what has a column since."""
        moved = {
            row[0]
            for name, pair in rows.items()
            for part in pair
            for row in part
            if self._keeps_newer(BY_NAME[name], row)
        }
        if not moved:
            return rows
        found = {
            name: ([r for r in a if r[0] not in moved], [r for r in b if r[0] not in moved])
            for name, (a, b) in rows.items()
        }
        wanted = sorted(moved)
        for at in range(0, len(wanted), _PIECE):
            for job_id, ends in self._whole(wanted[at : at + _PIECE]):
                start, end = (self._rewrite(job_id, number, whole) for number, whole in enumerate(ends))
                for name, (left, came) in found.items():
                    before, after = start.get(name, []), end.get(name, [])
                    left.extend(set(before).difference(after))
                    came.extend(set(after).difference(before))
        return found

    def _whole(self, job_ids: list[str]) -> Iterator[tuple[str, tuple[End, End]]]:
        """Yield all rows of some jobs at both ends."""
        found: dict[str, tuple[End, End]] = {job_id: (defaultdict(list), defaultdict(list)) for job_id in job_ids}
        for entity in ESTATE:
            for number, rows in enumerate(self._step.both_ends(entity, job_ids)):
                for row in rows:
                    found[row[0]][number][entity.name].append(row)
        yield from found.items()

    def _rewrite(self, job_id: str, number: int, rows: End) -> End:
        if not any(self._keeps_newer(BY_NAME[name], row) for name, some in rows.items() for row in some):
            return rows
        today = normalise(job_id, rebuild(rows)).rows
        self._kept |= {(number, name, job_id) for name in today.keys() - rows.keys()}
        return today

    def _keeps_newer(self, entity: Entity, row: Row) -> bool:
        extra, wanted = row[entity.names.index("extra")], self._newer.get(entity.name)
        return bool(extra and wanted and not wanted.isdisjoint(read(extra)))


def _newer(revision: str) -> dict[str, frozenset[str]]:
    """Return by table the paths that revisions after this one gave a column, or a table of its own."""
    found: dict[str, set[str]] = defaultdict(set)
    for entity in ESTATE:
        has_path = [field for field in entity.fields if field.api.path]
        new = [field.api.path for field in has_path if field.api.path and field.api.since > revision]
        found[entity.name].update(_with_outer(new))
        if entity.parent is not None and len(new) == len(has_path):
            found[entity.parent].update(_with_outer(place.path for place in entity.places))
    return {name: frozenset(paths) for name, paths in found.items()}


def _with_outer(paths: Iterable[str]) -> Iterator[str]:
    """Yield each path and those around it: an object without any column was kept whole."""
    for path in paths:
        parts = path.split(".")
        yield from (".".join(parts[: at + 1]) for at in range(len(parts)))
