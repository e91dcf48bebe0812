"""The configuration in force as text and as JSON."""

from collections.abc import Iterator

from inventory.common.exact_json import Json, pretty
from inventory.common.safe_text import clean, table
from inventory.config.shown import Origin, ShownConfiguration, ShownKey

__all__ = ["as_text", "members"]

_WIDEST = 60  # characters of a value


def members(shown: ShownConfiguration) -> dict[str, Json]:
    """Return the members of the JSON document."""
    return {
        "file": None if shown.file is None else str(shown.file),
        "file_from": _origin(shown.origin),
        "keys": [
            {"key": each.key, "value": each.value, "secret": each.secret, "from": _origin(each.origin)}
            for each in shown.keys
        ],
    }


def _origin(origin: Origin) -> dict[str, Json]:
    return {
        "kind": origin.kind,
        "name": origin.name or None,
        "line": origin.line,
        "references": list(origin.references),
    }


def as_text(shown: ShownConfiguration) -> Iterator[str]:
    """Yield lines: the file, and a table of the keys."""
    if shown.file is None:
        yield "There is no configuration; these are the defaults."
    else:
        by = "in this folder" if shown.origin.kind == "default" else f"named by {shown.origin}"
        yield clean(f"The configuration is {shown.file}, {by}.")
    yield ""
    yield table(["key", "value", "from"], [[each.key, _value(each), str(each.origin)] for each in shown.keys])


def _value(shown: ShownKey) -> str:
    if shown.value is None:
        return "not read" if shown.origin.kind == "file" else "-"
    text = shown.value if isinstance(shown.value, str) else pretty(shown.value, indent=None)
    return text if len(text) <= _WIDEST else f"{text[:_WIDEST]}… ({len(text):,} characters)"
