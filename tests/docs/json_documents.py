"""The JSON documents that commands print: the members of each."""

from collections.abc import Iterable
from typing import Any

from inventory.render.json_schema.documents import documents
from inventory.render.json_schema.names import DOCUMENTS
from tests.docs.markdown import joined, table

__all__ = ["part"]

DEEPEST = 3  # members of members of members are shown; deeper ones are in the schema


def part() -> str:
    """Return the list of documents, and a section for each."""
    schemas = documents()
    lines = [*table(("document", "printed by"), ((f"[`{name}`](#{name})", by) for name, by in DOCUMENTS.items()))]
    for name, schema in schemas.items():
        lines += ["", f"## {name} {{ #{name} }}", "", f"Printed by {DOCUMENTS[name]}.", ""]
        rows = _members(schema, schema.get("$defs", {}), "", 1)
        lines += table(("member", "type", "always", "meaning"), rows)
    return joined(lines)


def _members(schema: dict[str, Any], known: dict[str, Any], under: str, depth: int) -> Iterable[tuple[str, ...]]:
    for name, given in schema.get("properties", {}).items():
        member = _followed(given, known)
        always = "yes" if name in schema.get("required", ()) else ""
        yield f"`{under}{name}`", _type(given, known), always, given.get("description", member.get("description", ""))
        inner, shown = _inner(member, known), f"{under}{name}"
        if inner is not None and depth < DEEPEST and len(inner.get("properties", {})) <= 40:
            yield from _members(
                inner, known, f"{shown}[]." if member.get("type") == "array" else f"{shown}.", depth + 1
            )


def _inner(member: dict[str, Any], known: dict[str, Any]) -> dict[str, Any] | None:
    found = _followed(member["items"], known) if isinstance(member.get("items"), dict) else member
    if "anyOf" in found:
        objects = [_followed(each, known) for each in found["anyOf"]]
        found = next((each for each in objects if "properties" in each), found)
    return found if "properties" in found else None


def _followed(schema: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref")
    found: dict[str, Any] = known[reference.removeprefix("#/$defs/")] if reference else schema
    return found


def _type(schema: dict[str, Any], known: dict[str, Any]) -> str:
    """Describe the values of a member."""
    member = _followed(schema, known)
    if "const" in member:
        return f"`{member['const']}`"
    if "enum" in member:
        return ", ".join(f"`{'null' if each is None else each}`" for each in member["enum"])
    if "anyOf" in member or "oneOf" in member:
        kinds = [_type(each, known) for each in member.get("anyOf") or member["oneOf"]]
        return " or ".join(dict.fromkeys(kinds))
    kinds = member.get("type", "any")
    words = [kinds] if isinstance(kinds, str) else kinds
    if "format" in member:
        words = [member["format"] if word == "string" else word for word in words]
    if "array" in words and isinstance(member.get("items"), dict):
        words = [f"array of {_type(member['items'], known)}" if word == "array" else word for word in words]
    return " or ".join(words)
