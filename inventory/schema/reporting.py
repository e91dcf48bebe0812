"""The tables that views and analysts read beside the estate: the calendar, counts, enumerations, and the dictionary.

`export` writes `calendar` and `snapshot_counts`; `store.derived` fills the others from the declared schema.
"""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Date, ForeignKey, Table

from inventory.schema.tables import METADATA, text_type

__all__ = ["CALENDAR", "DICTIONARY", "ENUM_VALUES", "REPORT_SETTINGS", "SNAPSHOT_COUNTS"]


def _text(name: str, doc: str, *, key: bool = False, nullable: bool = True) -> Column[Any]:
    return Column(name, text_type(), primary_key=key, nullable=nullable and not key, comment=doc)


def _count(name: str, doc: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, BigInteger, nullable=nullable, comment=doc)


CALENDAR = Table(
    "calendar",
    METADATA,
    Column("day", Date, primary_key=True, comment="The UTC day"),
    _count("day_number", "Days since 1970-01-01, to count with"),
    _text("month", "Its month: YYYY-MM", nullable=False),
    Column("is_month_end", Boolean, nullable=False, comment="Whether it is the last day of its month"),
    comment="The UTC days from the first snapshot to the last one, without a gap.",
)

SNAPSHOT_COUNTS = Table(
    "snapshot_counts",
    METADATA,
    Column(
        "snapshot_id", BigInteger, ForeignKey("snapshots.id"), primary_key=True, autoincrement=False,
        comment="The snapshot, if it is not pruned: snapshots.id",
    ),
    _text("table_name", "The table that is counted", key=True),
    _count("rows", "Rows of the table in the snapshot"),
    _count("added", "Rows that the snapshot before has not; NULL for a table that is not in changes", nullable=True),
    _count("changed", "Rows that the snapshot before has otherwise; NULL likewise", nullable=True),
    _count("removed", "Rows that the snapshot before has and this one has not; NULL likewise", nullable=True),
    comment="How many rows each snapshot has, and how many changed since the one before that is not pruned.",
)  # fmt: skip

ENUM_VALUES = Table(
    "enum_values",
    METADATA,
    _text("table_name", "The table", key=True),
    _text("column_name", "The column", key=True),
    _text("value", "A documented value; others may come", key=True),
    _text("meaning", "What it means; NULL where the reference does not say"),
    _text("phase", "Of a status: setup, full, incremental, change, release or ended"),
    Column("is_failed", Boolean, comment="Of a status: whether it says that something failed"),
    _text("since", "Revision of the tables that brought the column", nullable=False),
    comment="The documented values of columns that have a fixed set of them.",
)

DICTIONARY = Table(
    "dictionary",
    METADATA,
    _text("relation", "The table or view", key=True),
    _text("column_name", "The column; '' for the table or view itself", key=True),
    _text("type", "text, integer, number, boolean, time, date, bytes, json; or table, view", nullable=False),
    _text("unit", "Unit of the number; NULL where it has none, or it is not documented"),
    _text("meaning", "What it means", nullable=False),
    _text("api_path", "Where the value is in the API's answer; NULL where it does not come from there"),
    Column("reference_table", BigInteger, comment="Number of the table in the API reference; NULL where it has none"),
    Column("secret", Boolean, nullable=False, comment="Whether values are masked before they are stored"),
    _text("since", "Revision of the tables that brought it", nullable=False),
    comment="What every table, view and column means: the data dictionary.",
)  # fmt: skip

REPORT_SETTINGS = Table(
    "report_settings",
    METADATA,
    _text("name", "owner_tag: key of the tag that names a task's owner", key=True),
    _text("value", "The value, from `report` in the configuration of the last export", nullable=False),
    comment="Settings that views use.",
)
