"""Schemas of `diff`, `plan` and `log`."""

from collections.abc import Collection, Iterator

from inventory.render.json_schema.parts import (
    COUNT,
    DIGEST,
    INTEGER,
    TEXT,
    TIME,
    Schema,
    described,
    document,
    list_of,
    map_of,
    nullable,
    object_of,
    ref,
)
from inventory.render.json_schema.rows import definitions as rows
from inventory.render.json_schema.rows import row_of, snapshot_row
from inventory.schema import BY_NAME, ESTATE
from inventory.schema.entities import Entity

__all__ = ["definitions"]

_ROW = {"type": ["object", "null"]}  # which one, `_by_table` says
_NONE = {"type": "null"}
_TRUE = {"const": True}
_ACTIONS: dict[str, tuple[Schema, Schema]] = {  # what `before` and `after` are
    "create": (_NONE, {"type": "object"}),
    "update": ({"type": "object"}, {"type": "object"}),
    "delete": ({"type": "object"}, _NONE),
}


def definitions() -> Iterator[tuple[str, Schema]]:
    """Yield the documents, and the definitions that they share, by name."""
    yield from rows()
    yield "snapshot", snapshot_row()
    yield "live-state", snapshot_row(live=True)
    yield "finding", row_of(BY_NAME["findings"])
    yield "rows-of-a-change", {"allOf": [*map(_by_table, ESTATE), *map(_by_action, _ACTIONS)]}
    yield "change", _change({})
    yield "ignored-change", _change({"reason": described(TEXT, "Why it is only counted")})
    place = {
        "from": described(nullable(INTEGER), "The snapshot before; null for the first"),
        "snapshot": described(nullable(INTEGER), "The snapshot that brought it; null for the live state"),
        "time": described(nullable(TIME), "When that snapshot, or the live state, was last observed"),
        "digest": described(nullable(DIGEST), "That snapshot's digest; null for the live state"),
    }
    reason = described(TEXT, "With --show-ignored: why the change is only counted; of no other change")
    yield "change-in-time", _change(place)
    yield "change-record", _change({**place, "reason": reason}, optional=["reason"])
    yield "diff", document(sources=list_of(_source(ref("snapshot"))))
    yield "plan", document(sources=list_of(_source(ref("live-state"))))
    yield "log", document(changes=described(list_of(ref("change-in-time")), "In order of time"))


def _source(end: Schema) -> Schema:
    revisions = {"from": TEXT, "to": TEXT}
    not_recorded = described(list_of(TEXT), "TABLE.COLUMN that the older snapshot's tables did not have")
    pair = object_of({"job_id": TEXT, "old_job_id": described(TEXT, "The removed job that it stands for")})
    reason = object_of({"job_id": TEXT, "why": described(TEXT, "Why it counts as gone")})
    members = {
        "source": TEXT,
        "from": described(nullable(ref("snapshot")), "The first end; null before the first snapshot"),
        "to": end,
        "summary": described(
            object_of(dict.fromkeys((*_ACTIONS, "ignored"), COUNT)), "Rows by action; changes only counted"
        ),
        "changes": list_of(ref("change")),
        "schema": described(
            object_of({**revisions, "not_recorded": not_recorded}), "Where the tables of the two ends differ"
        ),
        "findings": described(list_of(ref("finding")), "Those of the second end"),
        "new_findings": described(list_of(ref("finding")), "Those that the first end did not have"),
        "replaced": described(list_of(pair), "Jobs that were recreated under another id"),
        "gone": described(list_of(reason), "Jobs that were removed"),
        "ignored": described(list_of(ref("ignored-change")), "With --show-ignored: changes that are only counted"),
    }
    return object_of(members, optional=("schema", "ignored"))


def _change(more: dict[str, Schema], optional: Collection[str] = ()) -> Schema:
    members = {
        "source": TEXT,
        "table": {"enum": [entity.name for entity in ESTATE]},
        "action": {"enum": list(_ACTIONS)},
        "job_id": TEXT,
        "job_name": nullable(TEXT),
        "key": described({"type": "object"}, "The columns of the key, without source_id"),
        "before": described(_ROW, "The whole row; null where there is none"),
        "after": described(_ROW, "The whole row; null where there is none"),
        "before_sensitive": _sensitive(),
        "after_sensitive": _sensitive(),
        "changed": described(list_of(TEXT), "Columns that differ; `extra.PATH` inside `extra`"),
    }
    return {**object_of({**more, **members}, optional), **ref("rows-of-a-change")}


def _sensitive() -> Schema:
    paths = described(map_of(_TRUE), "Paths in `extra`")
    columns = {"type": "object", "properties": {"extra": paths}, "additionalProperties": _TRUE}
    return described(columns, "Columns with a mask in place of a secret")


def _by_table(entity: Entity) -> Schema:
    """Describe the parts of a change that depend on its table."""
    names = {"propertyNames": {"enum": list(entity.names)}}
    row = nullable(ref(f"{entity.name}-row"))
    return {
        "if": {"properties": {"table": {"const": entity.name}}},
        "then": {
            "properties": {
                "key": ref(f"{entity.name}-key"),
                "before": row,
                "after": row,
                "before_sensitive": names,
                "after_sensitive": names,
                "changed": {"items": {"anyOf": [{"enum": list(entity.names)}, {"pattern": "^extra\\."}]}},
            }
        },
    }


def _by_action(action: str) -> Schema:
    before, after = _ACTIONS[action]
    changed = {"minItems": 1} if action == "update" else {"maxItems": 0}
    return {
        "if": {"properties": {"action": {"const": action}}},
        "then": {"properties": {"before": before, "after": after, "changed": changed}},
    }
