"""Schemas of rows, derived from the declared tables, and of the service's own documents, derived from the layout."""

from collections.abc import Iterator

from sqlalchemy import Boolean, Column, Integer, Table, Text

from inventory.render.json_schema.parts import BOOLEAN, INTEGER, TEXT, TIME, Schema, described, nullable, object_of
from inventory.schema import ESTATE
from inventory.schema.entities import Entity
from inventory.schema.fields import Field
from inventory.schema.layout import Branch, Layout, Leaf, Shape, layout_of
from inventory.schema.ledger import SNAPSHOTS
from inventory.schema.tables import UtcDateTime

__all__ = ["column", "definitions", "row_of", "service_job", "snapshot_row"]

_KINDS = {"text": TEXT, "integer": INTEGER, "boolean": BOOLEAN, "time": TIME}  # by `Kind.sql`
_TYPES = ((UtcDateTime, TIME), (Boolean, BOOLEAN), (Integer, INTEGER), (Text, TEXT))
_SOURCE = described(TEXT, "The source's name")


def definitions() -> Iterator[tuple[str, Schema]]:
    """Yield the row and the key of each table that is compared, by name."""
    for entity in ESTATE:
        yield f"{entity.name}-row", row_of(entity)
        yield f"{entity.name}-key", object_of({each.name: _value(each) for each in entity.fields if each.key})


def row_of(entity: Entity) -> Schema:
    """Describe a row as documents have it: without source_id and validity, `extra` as an object."""
    return described(object_of({each.name: _value(each) for each in entity.fields}), entity.comment)


def _value(field: Field) -> Schema:
    if field.name == "extra":
        return described(nullable({"type": "object"}), "What the columns do not give back: path -> value as it came")
    value = _KINDS[field.api.kind.sql]
    notes = [field.comment]
    notes += [f"unit: {field.api.unit}"] if field.api.unit else []
    notes += ["secret: masked"] if field.api.secret else []
    is_as_sent = field.api.values and field.api.kind.flags is None
    documented = {"examples": list(field.api.values)} if is_as_sent else {}
    return described(nullable(value) if field.nullable else value, "; ".join(notes), **documented)


def snapshot_row(*, source: bool = True, live: bool = False) -> Schema:
    """Describe a row of `snapshots`.

    Args:
        source: with its source's name.
        live: of a state that is no snapshot yet, so that columns may be null.
    """
    members = {each.name: column(SNAPSHOTS, each.name, empty=live) for each in SNAPSHOTS.columns}
    what = "The live state, as `export` would write it; null where that is not known yet" if live else SNAPSHOTS.comment
    return described(object_of({"source": _SOURCE, **members} if source else members), str(what))


def column(table: Table, name: str, *, empty: bool = False) -> Schema:
    """Describe a column of an administrative table; with `empty` it may be null."""
    found: Column[object] = table.columns[name]
    value = next(schema for kind, schema in _TYPES if isinstance(found.type, kind))
    return described(nullable(value) if empty or found.nullable else value, str(found.comment))


def service_job() -> Schema:
    """Describe a job as batch-detail sends it. Only names are described: the service decides what it sends."""
    return {
        "type": "object",
        "$comment": "The service's own shape: a member may be absent, unknown, or of another type than documented.",
        **_object(layout_of("jobs"), layout_of("jobs").shape),
    }


def _object(layout: Layout, shape: Shape) -> Schema:
    if shape.element is not None:
        return _leaf(layout, shape.element)
    return {"properties": {name: _member(layout, part) for name, part in shape.members.items()}}


def _member(layout: Layout, part: Leaf | Shape | Branch) -> Schema:
    if isinstance(part, Leaf):
        return _leaf(layout, part)
    if isinstance(part, Shape):
        return _object(layout, part)
    inner = _object(part.layout, part.layout.shape)
    return {"items": inner} if part.place.many else inner


def _leaf(layout: Layout, leaf: Leaf) -> Schema:
    comment = layout.entity.fields[leaf.index].comment
    documented = {"examples": list(leaf.api.values)} if leaf.api.values else {}
    return described({}, f"{comment}; documented as {leaf.api.kind.wire}", **documented)
