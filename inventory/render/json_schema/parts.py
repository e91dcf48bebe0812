"""Building blocks of JSON Schemas."""

from collections.abc import Collection, Mapping
from typing import Any

from inventory.render.json import FORMAT_VERSION

__all__ = [
    "BOOLEAN", "COUNT", "DIGEST", "INTEGER", "TEXT", "TIME", "Schema", "described", "document", "list_of", "map_of",
    "nullable", "object_of", "ref",
]  # fmt: skip

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
BOOLEAN: Schema = {"type": "boolean"}
INTEGER: Schema = {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}
COUNT: Schema = {"type": "integer", "minimum": 0}
DIGEST: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
TIME: Schema = {
    "type": "string", "format": "date-time",
    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}Z$",
}  # fmt: skip


def ref(name: str) -> Schema:
    """Refer to a definition."""
    return {"$ref": f"#/$defs/{name}"}


def described(schema: Schema, description: str, **more: Any) -> Schema:
    """Return a schema with a description."""
    return {**schema, "description": description, **more}


def nullable(schema: Schema) -> Schema:
    """Allow null too."""
    if isinstance(schema.get("type"), str):
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def list_of(items: Schema) -> Schema:
    """Describe a list."""
    return {"type": "array", "items": items}


def map_of(values: Schema, names: Collection[str] | None = None) -> Schema:
    """Describe an object whose members have names that are data; only some, if `names` is given."""
    limited = {} if names is None else {"propertyNames": {"enum": list(names)}}
    return {"type": "object", **limited, "additionalProperties": values}


def object_of(members: Mapping[str, Schema], optional: Collection[str] = ()) -> Schema:
    """Describe an object with these members and no other."""
    required = [name for name in members if name not in optional]
    return {"type": "object", "properties": dict(members), "required": required, "additionalProperties": False}


def document(**members: Schema) -> Schema:
    """Describe a document that says the version of its format."""
    return object_of({"format_version": {"const": FORMAT_VERSION}, **members})
