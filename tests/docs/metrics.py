"""The metrics of `--metrics-file`."""

from inventory.export.metrics import WRITTEN
from tests.docs.markdown import joined, table

__all__ = ["part"]

UNITS = {"_timestamp_seconds": "seconds since 1970", "_seconds": "seconds", "_success": "0 or 1", "_info": "always 1"}


def part() -> str:
    """Return the table of metrics: all are gauges."""
    rows = []
    for when, gauges in WRITTEN.items():
        for name, (meaning, *labels) in gauges.items():
            unit = next((unit for suffix, unit in UNITS.items() if name.endswith(suffix)), "")
            shown = labels if when == "by every run" else ["source", *labels]
            rows.append((f"`{name}`", ", ".join(f"`{label}`" for label in shown), unit, meaning, when))
    return joined(table(("metric", "labels", "unit", "meaning", "written"), rows))
