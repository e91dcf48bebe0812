"""What pruning came to, or would come to, for a person; and what became of the space."""

from collections.abc import Iterator, Sequence

from inventory.common.exact_json import Json
from inventory.common.safe_text import byte_size, clean, count, moment
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
        yield f"{clean(found.source)}: nothing to prune; {count(found.kept, 'snapshot')} kept"
        return
    pruned = count(len(found.snapshots), "snapshot")
    yield f"{clean(found.source)}: " + (
        f"would prune {pruned} and keep {found.kept:,}" if dry_run else f"pruned {pruned}, kept {found.kept:,}"
    )
    for row in found.snapshots:
        yield f"  - snapshot {row['id']}, {row['status']}, {moment(row['observed_to'] or row['finished_at'])} UTC"
    for table, rows in found.rows.items():
        yield f"  - {table}: {count(rows, 'row')}"
    yield f"  {count(sum(found.rows.values()), 'history row')} in total"


def space(before: Space | None, after: Space | None, done: Sequence[Pruned]) -> str:
    """Return the line on the space: of an SQLite file what it has, of a server, which keeps its files, a guess.

    Args:
        before: the file as it was; None on a server, as is `after`.
    """
    if before is None or after is None:
        return f"PostgreSQL can reuse about {byte_size(sum(each.size for each in done))}"
    was, now = byte_size(before.whole), byte_size(after.whole)
    size = f"{now}, unchanged" if before.whole == after.whole else f"{now}, was {was}"
    return f"file size: {size}" + (f"; {byte_size(after.unused)} of it unused" if after.unused else "")
