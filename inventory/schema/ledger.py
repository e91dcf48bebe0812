"""The administrative tables: sources, snapshots and the internal ones; and METADATA with all tables."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
)

from inventory.schema import ENTITIES, JOB_DIGESTS
from inventory.schema.checks import CHECK_RESULTS, CHECK_RUNS, CHECK_TABLES, CHECK_WAIVERS
from inventory.schema.reporting import CALENDAR, DICTIONARY, ENUM_VALUES, REPORT_SETTINGS, SNAPSHOT_COUNTS
from inventory.schema.tables import METADATA, count_column, row_id, source_id, text_column, text_type, time_column

__all__ = [
    "CALENDAR", "CHECK_RESULTS", "CHECK_RUNS", "CHECK_TABLES", "CHECK_WAIVERS", "DICTIONARY", "ENUM_VALUES",
    "INTERNAL", "MAINTENANCE", "METADATA", "REPORT_SETTINGS", "SERVED", "SIGNATURES", "SNAPSHOTS", "SNAPSHOT_COUNTS",
    "SOURCES", "VERSION", "declared",
]  # fmt: skip

_TABLES = [entity.current for entity in (*ENTITIES, JOB_DIGESTS)]  # first access adds each table to METADATA


SOURCES = Table(
    "sources",
    METADATA,
    row_id("The source: what every other table calls source_id"),
    Column("name", text_type(), nullable=False, unique=True, comment="Its name in the configuration"),
    text_column("region", "Region that its jobs run in; NULL where a recording does not say", nullable=True),
    text_column("project_id", "Project that its jobs belong to; NULL where a recording does not say", nullable=True),
    time_column("created_at", "When its first export added it, UTC"),
    time_column("retired_at", "When it was retired, UTC; NULL while it is exported", nullable=True),
    comment="One project in one region: an entry of the configuration.",
    sqlite_autoincrement=True,
)

SNAPSHOTS = Table(
    "snapshots",
    METADATA,
    row_id("The snapshot: what valid_from and valid_to name; grows within a source and is never used again"),
    Column("source_id", BigInteger, ForeignKey("sources.id"), nullable=False, comment="The source: sources.id"),
    time_column("started_at", "When the export started, UTC"),
    time_column("finished_at", "When the export had written it, UTC"),
    time_column("observed_from", "When the first answer was observed, UTC; NULL where there was none", nullable=True),
    time_column("observed_to", "When the last answer was observed, UTC; NULL where there was none", nullable=True),
    text_column("status", "complete; or partial, where some jobs could not be read and were carried over"),
    text_column("consistency", "How far the answers belong to one moment; NULL where nothing is known", nullable=True),
    count_column("requested", "Job ids that were asked for"),
    count_column("returned", "Jobs that came back"),
    count_column("absent", "Jobs proven to exist no more"),
    count_column("unreadable", "Jobs that could not be read, whatever the reason"),
    count_column("deselected", "Jobs that left because the configuration names them no more"),
    count_column("jobs", "Jobs in the snapshot, carried over ones included"),
    count_column("added", "Jobs that the snapshot before did not have"),
    count_column("changed", "Jobs that the snapshot before had otherwise"),
    count_column("removed", "Jobs that the snapshot before had and this one has not, the deselected aside"),
    count_column("requests", "Requests that were sent, retries included"),
    count_column("retries", "Requests that were sent again"),
    text_column("schema_revision", "Revision of the tables that it was written to"),
    text_column("tool_version", "Version of inventory that wrote it"),
    text_column("run_id", "The run of export that wrote it, shared by all its sources"),
    text_column("content_digest", "SHA-256 over the sorted digests of its jobs, in hex"),
    text_column("digest", "SHA-256 over previous_digest, content_digest and this row, in hex"),
    text_column("previous_digest", "digest of the source's snapshot before; NULL for the first", nullable=True),
    time_column(
        "pruned_at", "When its rows were dropped, UTC; NULL while it can be read; outside the digest", nullable=True
    ),
    UniqueConstraint("source_id", "id", name="uq_snapshots_source_id"),
    comment="What one export of one source saw, written wholly or not at all.",
    sqlite_autoincrement=True,
)

MAINTENANCE = Table(
    "internal_maintenance",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False, comment="1: there is one row"),
    Column("pruning", Boolean, nullable=False, comment="Whether history may be deleted: true inside prune alone"),
    comment="What opens the append-only tables to prune, for as long as its transaction lasts.",
)

SIGNATURES = Table(
    "internal_signatures",
    METADATA,
    Column(
        "snapshot_id", BigInteger, ForeignKey("snapshots.id"), primary_key=True, autoincrement=False,
        comment="The snapshot: snapshots.id",
    ),
    text_column("key_id", "First 16 hex digits of SHA-256 over the raw public key"),
    text_column("signature", "Ed25519 over the line 'inventory snapshot DIGEST', in hex"),
    comment="Signatures of snapshots, where the configuration names a key.",
)  # fmt: skip

SERVED = Table(
    "internal_served_jobs",
    METADATA,
    source_id(),
    Column("job_id", text_type(), primary_key=True, comment="The job"),
    Column(
        "digest", LargeBinary, nullable=False,
        comment="SHA-256 over the answer with its secrets masked, whatever else its rows depend on, and its findings;"
        " behind it these, as JSON",
    ),
    comment="What was served of each job the last time: what is served the same again need not be normalised again."
    " A cache: it may be emptied at any time.",
)  # fmt: skip


INTERNAL = tuple(sorted(name for name in METADATA.tables if name.startswith("internal_")))  # not for analysts

VERSION = Table(  # Alembic's own, with the revision of the database; not of METADATA
    "alembic_version", MetaData(), Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)  # fmt: skip


def declared(dialect: str) -> MetaData:
    """Return all tables for one dialect. PostgreSQL's options are set only on demand: 15 ms and 2 MiB."""
    if dialect == "postgresql":
        for index in (index for table in METADATA.tables.values() for index in table.indexes):
            if (where := index.dialect_options["sqlite"]["where"]) is not None:
                index.dialect_kwargs["postgresql_where"] = where
    return METADATA
