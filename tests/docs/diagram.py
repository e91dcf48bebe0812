"""The diagram of the tables: which rows belong to which. A static picture, and the same as a list of joins."""

from collections.abc import Iterator

from sqlalchemy import ForeignKeyConstraint, Table

from inventory.schema import BY_NAME
from inventory.schema.ledger import METADATA
from tests.docs.markdown import code, joined, table

__all__ = ["part", "picture"]

WIDE, GAP, LINE, TOP, MARGIN, SPACE = 190, 48, 17, 26, 10, 16
STYLE = (
    ".box{fill:#fff;stroke:#5c6bc0}.head{fill:#3f51b5}.name{fill:#fff;font-weight:bold}.key{fill:#222}"
    ".more{fill:#666;font-style:italic}.join{fill:none;stroke:#5c6bc0;stroke-width:1.5}.paper{fill:#f5f6fb}"
    "text{font:13px sans-serif}"
)
# Beside a foreign key: what a column names, where tables of history are not held to it.
NAMED = {"job_id": "jobs.id", "snapshot_id": "snapshots.id", "waiver_id": "check_waivers.id"}
FILLED = ("enum_values", "dictionary", "report_settings", "calendar")  # stand alone


def _tables() -> list[Table]:
    """Return the tables that are for people, without histories."""
    hidden = ("internal_", *(f"{name}_history" for name in BY_NAME))
    return [each for each in METADATA.sorted_tables if not each.name.startswith(hidden)]


def _joins(of: Table) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield the tables that a table's rows belong to, the nearest first; its own columns, and those of the other."""
    yield from sorted(_declared(of), key=lambda join: (-_depth(join[0]), join))


def _declared(of: Table) -> Iterator[tuple[str, list[str], list[str]]]:
    for key in of.foreign_key_constraints:
        yield key.referred_table.name, _ours(key), [element.column.name for element in key.elements]
    told = {name for key in of.foreign_key_constraints for name in _ours(key)}
    for column, other in NAMED.items():
        if column in of.columns and column not in told:
            name, _, theirs = other.partition(".")
            both = ["source_id"] if name == "jobs" and "source_id" in of.columns else []
            yield name, [*both, column], [*both, theirs]


def _ours(key: ForeignKeyConstraint) -> list[str]:
    return [column.name for column in key.columns]


def part() -> str:
    """Return the keys and the joins as a table."""
    rows = []
    for each in _tables():
        joins = [_told(*join) for join in _joins(each)]
        rows.append((code(each.name), ", ".join(code(c.name) for c in each.primary_key), "<br>".join(joins)))
    return joined(table(("table", "key", "its rows belong to"), rows))


def _told(name: str, ours: list[str], theirs: list[str]) -> str:
    pairs = " and ".join(code(a if a == b else f"{a} = {b}") for a, b in zip(ours, theirs, strict=True))
    return f"{code(name)} by {pairs}"


def _depth(name: str) -> int:
    parents = [other for other, _, _ in _declared(METADATA.tables[name])]
    return 1 + max(map(_depth, parents), default=-1)


def picture() -> str:
    """Return the picture: who owns others stands left of them, with a line from each to its owner."""
    columns: dict[int, list[Table]] = {}
    for each in sorted(_tables(), key=lambda each: (each.name in FILLED, _owner(each), each.name)):
        columns.setdefault(_depth(each.name), []).append(each)
    tall = max(sum(_height(each) + SPACE for each in found) for found in columns.values()) + MARGIN
    places: dict[str, tuple[int, int, int]] = {}
    for depth, found in columns.items():
        y = MARGIN + (tall - sum(_height(each) + SPACE for each in found)) // 2
        for each in found:
            places[each.name] = MARGIN + depth * (WIDE + GAP), y, _height(each)
            y += _height(each) + SPACE
    wide = max(x for x, _, _ in places.values()) + WIDE + MARGIN
    lines = [_line_to(each, places) for each in _tables() if _owner(each)]
    boxes = [line for each in _tables() for line in _box(each, *places[each.name])]
    return joined([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{tall}" viewBox="0 0 {wide} {tall}">',
        "<title>The tables, their keys, and the tables that they belong to</title>", f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{wide}" height="{tall}" rx="6"/>', *lines, *boxes, "</svg>",
    ])  # fmt: skip


def _owner(of: Table) -> str:
    return next((name for name, _, _ in _joins(of)), "")


def _height(of: Table) -> int:
    return TOP + LINE * len(_lines(of)) + 8


def _lines(of: Table) -> list[str]:
    keys = [column.name for column in of.primary_key]
    more = len(of.columns) - len(keys)
    return [*keys, f"and {more} column{'s' * (more > 1)}"] if more else keys


def _line_to(of: Table, places: dict[str, tuple[int, int, int]]) -> str:
    """Draw from a table's owner to it; the lines of each owner have a way of their own."""
    (x, y, _), (left, top, _) = places[of.name], places[_owner(of)]
    owners = sorted({_owner(each) for each in _tables() if _owner(each) and places[_owner(each)][0] == left})
    begin = left + WIDE
    turn = begin + 8 + 8 * owners.index(_owner(of))
    return f'<path class="join" d="M{begin} {top + TOP // 2} H{turn} V{y + TOP // 2} H{x}"/>'


def _box(of: Table, x: int, y: int, high: int) -> Iterator[str]:
    yield f'<rect class="box" x="{x}" y="{y}" width="{WIDE}" height="{high}" rx="4"/>'
    yield f'<rect class="head" x="{x}" y="{y}" width="{WIDE}" height="{TOP}" rx="4"/>'
    yield f'<text class="name" x="{x + 10}" y="{y + 18}">{of.name}</text>'
    for number, line in enumerate(_lines(of), 1):
        kind = "more" if line.startswith("and ") else "key"
        yield f'<text class="{kind}" x="{x + 10}" y="{y + TOP + LINE * number - 2}">{line}</text>'
