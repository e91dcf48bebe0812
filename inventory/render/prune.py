"""What pruning came to, or would come to, for a person; and what became of the space."""

from collections.abc import Iterator, Sequence

from inventory.common.exact_json import Json
from inventory.common.safe_text import clean, moment
from inventory.render.json import plain
from inventory.store.prune import Pruned, Space

__all__ = ["describe", "document", "space"]


def document(found: Pruned) -> dict[str, Json]:
    """Return what was pruned of one source, or would be, as JSON."""
    return {
        "source": found.source,
        "snapshots": [plain(row) for row in found.snapshots],
        "kept": found.kept,
        "rows": dict(found.rows),
    }


def describe(found: Pruned, *, dry_run: bool) -> Iterator[str]:
    """Yield the lines on one source: its snapshots that go, and the rows of history that go with them."""
    if not found.snapshots:
        yield f"{clean(found.source)}: nothing to prune; snapshots kept: {found.kept}"
        return
    verb = "would be pruned" if dry_run else "pruned"
    yield f"{clean(found.source)}: snapshots {verb}: {len(found.snapshots)}, kept: {found.kept}"
    for row in found.snapshots:
        yield f"  - snapshot {row['id']}, {row['status']}, {moment(row['observed_to'] or row['finished_at'])} UTC"
    for table, count in found.rows.items():
        yield f"  - {table}: rows {count}"
    yield f"  rows of history: {sum(found.rows.values())}"


def space(before: Space | None, after: Space | None, done: Sequence[Pruned]) -> str:
    """Return the line on the space: of an SQLite file what it has, of a server, which keeps its files, a guess.

    Args:
        before: the file as it was; None on a server, as is `after`.
    """
    if before is None or after is None:
        rows, size = sum(sum(each.rows.values()) for each in done), sum(each.size for each in done)
        return f"space: the tables of the {rows} rows that are gone can use about {size / 2**20:.1f} MiB again"
    return f"space: the file had {before.whole} bytes and has {after.whole}; {after.unused} of them are unused"
