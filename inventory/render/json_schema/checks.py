"""Schemas of the documents of `check`."""

from collections.abc import Iterator

from inventory.render.json_schema.parts import (
    BOOLEAN,
    COUNT,
    INTEGER,
    TEXT,
    TIME,
    Schema,
    described,
    document,
    list_of,
    nullable,
    object_of,
    ref,
)
from inventory.render.json_schema.rows import column
from inventory.schema.ledger import CHECK_RESULTS

__all__ = ["definitions"]

_CHANGES = ("new", "reopened", "overdue", "fixed", "closed", "same", "waived")
_SEVERITY = {"enum": ["low", "medium", "high", "critical"]}
_ENUMS = {
    "state": ["open", "waived", "closed"],
    "severity": _SEVERITY["enum"],
    "close_reason": ["fixed", "job_gone", "rule_changed", "source_retired", None],
}
_UNTOLD = {"id", "source_id", "run_id", "recorded_at"}  # columns that are no members


def definitions() -> Iterator[tuple[str, Schema]]:
    """Yield the documents, and the definitions that they share, by name."""
    rule = _rule()
    yield "check-rule", object_of(rule)
    yield "check-numbers", _numbers(unknown=described(COUNT, "Rules that could not judge a source"))  # fmt: skip
    waiver = object_of({"reason": TEXT, "by": TEXT, "created_at": TIME, "until": described(TEXT, "A UTC day")})
    line = {
        "change": described({"enum": list(_CHANGES)}, "Since the snapshot before"),
        "job_name": described(nullable(TEXT), "null where the job is not there"),
        "is_overdue": BOOLEAN,
        "waiver": described(nullable(waiver), "Of a waived result"),
    }
    unknown = {
        "source": TEXT,
        "rule_id": TEXT,
        "why": TEXT,
        "has_failed": described(BOOLEAN, "Whether the rule failed"),
    }
    yield (
        "check",
        document(
            now=described(TIME, "For which ages, deadlines and waivers are judged"),
            rules=list_of(ref("check-rule")),
            snapshots=described(list_of(ref("snapshot")), "That were checked"),
            results=list_of(object_of({**line, **_state()})),
            unknown=described(list_of(object_of(unknown)), "Rules that could not judge a source"),
            summary=_numbers(),
            rules_not_here=list_of(object_of({"rule_id": TEXT, "results": described(COUNT, "That are not closed")})),
        ),
    )
    yield "check-list", document(rules=list_of(object_of({**rule, "open": COUNT, "waived": COUNT})))
    yield (
        "check-history",
        document(states=described(list_of(object_of({"recorded_at": TIME, **_state()})), "In order of time")),
    )


def _rule() -> dict[str, Schema]:
    return {
        "id": TEXT, "name": TEXT, "title": TEXT, "severity": _SEVERITY,
        "meaning": described(TEXT, "Why it matters"),
        "remedy": described(TEXT, "What to do"),
        "sla_days": described(COUNT, "Days from opening to the deadline"),
        "max_age_seconds": described(nullable(INTEGER), "The oldest snapshot that it judges; null: any"),
    }  # fmt: skip


def _numbers(**more: Schema) -> Schema:
    return object_of({**dict.fromkeys(_CHANGES, COUNT), **more})


def _state() -> dict[str, Schema]:
    """Describe a row of check_results."""
    names = [each.name for each in CHECK_RESULTS.columns if each.name not in _UNTOLD]
    found = {name: column(CHECK_RESULTS, name) for name in names}
    return {"source": TEXT, **{name: {**each, **_enum(name)} for name, each in found.items()}}


def _enum(name: str) -> Schema:
    return {"enum": _ENUMS[name]} if name in _ENUMS else {}
