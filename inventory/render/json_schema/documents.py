"""The JSON Schemas of all documents: one for each, or all in one."""

from collections.abc import Iterator
from typing import Any

from inventory.render.json_schema import changes, checks, reports
from inventory.render.json_schema.names import DOCUMENTS
from inventory.render.json_schema.parts import Schema, ref

__all__ = ["all_documents", "documents"]

_HEAD = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$comment": "A later version may add members; format_version, where there is one, then gets a higher second number."
    " Readers must accept members that they do not know: additionalProperties: false says which this version has.",
}


def documents() -> dict[str, Schema]:
    """Return the schema of each document by its name, with the definitions that it needs."""
    known = _definitions()
    found = {}
    for name in DOCUMENTS:
        parts = {part: known[part] for part in sorted(_needed(known[name], known))}
        found[name] = {**_HEAD, **known[name], **({"$defs": parts} if parts else {})}
    return found


def all_documents() -> Schema:
    """Return one schema that has that of each document under `$defs`, by its name."""
    title = {"title": "JSON documents of inventory"}
    return {**_HEAD, **title, "anyOf": [ref(name) for name in DOCUMENTS], "$defs": dict(sorted(_definitions().items()))}


def _definitions() -> dict[str, Schema]:
    """Return the schema of each document, and the definitions that they share."""
    found = dict([*changes.definitions(), *checks.definitions(), *reports.definitions()])
    for name, commands in DOCUMENTS.items():
        found[name] = {"title": f"inventory: {name}", "description": f"Printed by {commands}", **found[name]}
    return found


def _needed(schema: Schema, known: dict[str, Schema]) -> set[str]:
    """Return the names of the definitions that a schema refers to, directly or not."""
    found: set[str] = set()
    waiting = [schema]
    while waiting:
        new = {name.removeprefix("#/$defs/") for name in _references(waiting.pop())} - found
        found |= new
        waiting += [known[name] for name in new]
    return found


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for each in part.values():
            yield from _references(each)
    elif isinstance(part, list):
        for each in part:
            yield from _references(each)
