"""The tables that views and analysts read beside the estate: the calendar, counts, enumerations, and the dictionary.

`export` writes `calendar` and `snapshot_counts`; `store.derived` fills the others from the declared schema.
"""

from sqlalchemy import BigInteger, Boolean, Column, Date, ForeignKey, Table

from inventory.schema.tables import METADATA, count_column, text_column

__all__ = ["CALENDAR", "DICTIONARY", "ENUM_VALUES", "REPORT_SETTINGS", "SNAPSHOT_COUNTS"]


CALENDAR = Table(
    "calendar",
    METADATA,
    Column("day", Date, primary_key=True, comment="The UTC day"),
    count_column("day_number", "Days since 1970-01-01, to count with"),
    text_column("month", "Its month: YYYY-MM"),
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
    text_column("table_name", "The table that is counted", key=True),
    count_column("rows", "Rows of the table in the snapshot"),
    count_column(
        "added", "Rows that the snapshot before has not; NULL for a table that is not in changes", nullable=True
    ),
    count_column("changed", "Rows that the snapshot before has otherwise; NULL likewise", nullable=True),
    count_column("removed", "Rows that the snapshot before has and this one has not; NULL likewise", nullable=True),
    comment="How many rows each snapshot has, and how many changed since the one before that is not pruned.",
)  # fmt: skip

ENUM_VALUES = Table(
    "enum_values",
    METADATA,
    text_column("table_name", "The table", key=True),
    text_column("column_name", "The column", key=True),
    text_column("value", "A documented value; others may come", key=True),
    text_column("meaning", "What it means; NULL where the reference does not say", nullable=True),
    text_column("phase", "Of a status: setup, full, incremental, change, release or ended", nullable=True),
    Column("is_failed", Boolean, comment="Of a status: whether it says that something failed"),
    text_column("since", "Revision of the tables that brought the column"),
    comment="The documented values of columns that have a fixed set of them.",
)

DICTIONARY = Table(
    "dictionary",
    METADATA,
    text_column("relation", "The table or view", key=True),
    text_column("column_name", "The column; '' for the table or view itself", key=True),
    text_column("type", "text, integer, number, boolean, time, date, bytes, json; or table, view"),
    text_column("unit", "Unit of the number; NULL where it has none, or it is not documented", nullable=True),
    text_column("meaning", "What it means"),
    text_column(
        "api_path", "Where the value is in the API's answer; NULL where it does not come from there", nullable=True
    ),
    Column("reference_table", BigInteger, comment="Number of the table in the API reference; NULL where it has none"),
    Column("secret", Boolean, nullable=False, comment="Whether values are masked before they are stored"),
    text_column("since", "Revision of the tables that brought it"),
    comment="What every table, view and column means: the data dictionary.",
)  # fmt: skip

REPORT_SETTINGS = Table(
    "report_settings",
    METADATA,
    text_column("name", "owner_tag: key of the tag that names a task's owner", key=True),
    text_column("value", "The value, from `report` in the configuration of the last export"),
    comment="Settings that views use.",
)
