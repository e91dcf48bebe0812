"""Rebuilds the document that batch-detail sent from the rows of one job.

The inverse of `normalise`, from the same declarations. Only these differ from the original: secrets, empty members,
the form of tags, the order of lists.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from inventory.common.exact_json import Json, is_empty, read
from inventory.schema.fields import Empty
from inventory.schema.layout import ELEMENT, Branch, Layout, Leaf, Shape, layout_of, split_path

__all__ = ["rebuild", "rebuild_listing"]

Row = Sequence[Any]


def rebuild(rows: Mapping[str, Iterable[Row]]) -> dict[str, Json]:
    """Build the document of one job.

    Args:
        rows: entity name -> its rows of this job, in the order of the entity's columns; `jobs` has one.
    """
    (job,) = rows["jobs"]
    built = _object(layout_of("jobs"), job, rows)
    assert isinstance(built, dict)  # `jobs` is an object
    return built


def rebuild_listing(row: Row) -> dict[str, Json]:
    """Rebuild what the list API sent of one job, from its row of `job_listings`."""
    built = _object(layout_of("job_listings"), row, {})
    assert isinstance(built, dict)  # `job_listings` is an object
    return built


def _object(layout: Layout, row: Row, rows: Mapping[str, Iterable[Row]]) -> Json:
    extra: dict[str, Json] = read(row[layout.index["extra"]]) if row[layout.index["extra"]] else {}
    if layout.shape.element is not None:
        return extra.get(ELEMENT, row[layout.shape.element.index])
    built: dict[str, Json] = {}
    _members(layout, layout.shape, row, rows, built)
    left_over = []
    for path, value in extra.items():
        names, many = split_path(path)
        if many:
            left_over.append((names, value))
        else:
            _set_at(built, names, value)
    for names, items in left_over:
        _list_at(built, names).extend(items)
    return built


def _members(layout: Layout, shape: Shape, row: Row, rows: Mapping[str, Iterable[Row]], into: dict[str, Json]) -> None:
    for name, part in shape.members.items():
        value: Json
        if isinstance(part, Leaf):
            stored = row[part.index]
            if stored is not None and (stored != "" or part.api.empty is not Empty.UNSET):
                into[name] = part.api.kind.write(stored)
            continue
        if isinstance(part, Shape):
            value = {}
            _members(layout, part, row, rows, value)
        else:
            value = _children(part, row, layout, rows)
        if not is_empty(value):
            into[name] = value


def _children(branch: Branch, row: Row, layout: Layout, rows: Mapping[str, Iterable[Row]]) -> Json:
    child = branch.layout
    found = [
        _object(child, other, rows) for other in rows.get(child.entity.name, ()) if _belongs(branch, other, row, layout)
    ]
    if branch.place.many:
        return found
    return found[0] if found else None


def _belongs(branch: Branch, other: Row, row: Row, layout: Layout) -> bool:
    child = branch.layout
    if branch.place.role is not None and other[child.index["role"]] != branch.place.role:
        return False
    if not child.entity.inherits_item:
        return True
    mine = (row[layout.index["item"]], row[layout.index["occurrence"]])
    return (other[child.index["item"]], other[child.index["item_occurrence"]]) == mine


def _set_at(built: dict[str, Json], names: list[str], value: Json) -> None:
    *outer, last = names
    for name in outer:
        inner = built.setdefault(name, {})
        if not isinstance(inner, dict):
            return
        built = inner
    if value is None:
        built.pop(last, None)  # the answer did not have this member
    else:
        built[last] = value


def _list_at(built: dict[str, Json], names: list[str]) -> list[Json]:
    *outer, last = names
    for name in outer:
        built = built.setdefault(name, {})
    items: list[Json] = built.setdefault(last, [])
    return items
