"""The JSON Schema of the configuration and the table of its keys, both generated from the structs of `keys`."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from inventory.config.credentials import WAYS
from inventory.config.keys import Auth, Configuration, columns, fields
from inventory.config.values import DECIMAL, WHOLE

__all__ = ["as_markdown", "as_schema"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE = "\\$\\{"
_QUOTED = {  # the patterns of quoted scalars of these types
    "integer": f"^{WHOLE.pattern}$",
    "number": f"^{DECIMAL.pattern}$",
    "boolean": "^(true|false)$",
}
_OUTER = ("title", "description", "default", "writeOnly", "x-unit")  # of a value in any of its forms
_SHOWN = {"integer": "whole number", "number": "number", "boolean": "`true` or `false`", "string": "text"}


def as_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12). A value of any type may be a text with a reference instead."""
    _, parts = msgspec.json.schema_components([Configuration], ref_template="#/$defs/{name}")
    known = list(fields(Auth))
    parts["Auth"]["oneOf"] = [
        {"required": sorted(needed), "propertyNames": {"enum": sorted(needed | more, key=known.index)}}
        for _, needed, more in WAYS
    ]
    parts["Configuration"]["properties"]["redact"]["items"] = {"enum": columns(masked=True)}
    parts["Diff"]["properties"]["ignore"]["items"] = {"enum": columns(masked=False)}
    parts = {name: _with_references(part) for name, part in parts.items()}
    root = parts.pop("Configuration")
    return {"$schema": DIALECT, **root, "title": "Configuration of inventory", "$defs": parts}


def _with_references(schema: dict[str, Any]) -> dict[str, Any]:
    """Allow `${NAME}` in place of each scalar, and a number, true and false in quotes."""
    kind = schema.get("type")
    for key in ("properties", "items", "additionalProperties"):
        inner = schema.get(key)
        if isinstance(inner, dict):
            one = key != "properties"
            schema[key] = _with_references(inner) if one else {name: _with_references(s) for name, s in inner.items()}
    if kind in ("object", "array") or "$ref" in schema:
        return schema
    outer = {key: schema.pop(key) for key in _OUTER if key in schema}
    if "anyOf" in schema:
        choices = [_with_references(each) for each in schema["anyOf"]]
    elif kind == "string" and "pattern" not in schema:
        return outer | schema
    elif kind in _QUOTED:
        choices = [schema, {"type": "string", "pattern": f"{_REFERENCE}|{schema.pop('pattern', _QUOTED[kind])}"}]
    else:
        choices = [schema, {"type": "string", "pattern": _REFERENCE}]
    return outer | {"anyOf": choices}


def as_markdown() -> Iterator[str]:
    """Yield the table of keys, line by line."""
    _, parts = msgspec.json.schema_components([Configuration], ref_template="{name}")
    yield "| key | type | default | unit | range | meaning |"
    yield "|---|---|---|---|---|---|"
    yield from _rows(parts, "Configuration", "")


def _rows(parts: dict[str, Any], name: str, under: str) -> Iterator[str]:
    declared = parts[name]["properties"]
    for key in sorted(declared, key=lambda key: key not in parts[name]["required"]):
        schema = declared[key]
        default, inner = schema.get("default", ""), schema.get("items", schema).get("$ref")
        shown = (
            f"`{json.dumps(default)}`".replace('"', "")
            if isinstance(default, str | int | float) and default != ""
            else ""
        )
        marks = "; required" if key in parts[name]["required"] else "; secret" if schema.get("writeOnly") else ""
        unit, limits, meaning = schema.get("x-unit", ""), _range(schema), schema["description"]
        yield f"| `{under}{key}` | {_value(schema)}{marks} | {shown} | {unit} | {limits} | {meaning} |"
        if inner and key != "defaults":
            yield from _rows(parts, inner, f"{under}{key}[]." if "items" in schema else f"{under}{key}.")


def _value(schema: dict[str, Any]) -> str:
    """Describe the values of a key."""
    kind = schema.get("type")
    if "anyOf" in schema:
        return ", or ".join(_value(each) for each in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    if kind == "array":
        return f"list of {_value(schema['items'])}"
    if kind == "number" and "pattern" in schema:
        return "number, or `90s`, `30m`, `6h`"
    return _SHOWN.get(str(kind), "`{file: ids.txt, allow_empty: true}`" if schema.get("$ref") == "JobsFile" else "keys")


def _range(schema: dict[str, Any]) -> str:
    """Describe the limits of a number; '' for other values."""
    return f"{schema['minimum']:,} to {schema['maximum']:,}" if "minimum" in schema else ""
