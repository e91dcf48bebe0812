"""The tables that are ours: sources and snapshots, what only the list API says, and findings."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, Table, UniqueConstraint

from inventory.schema.fields import METADATA, entity, field, own, proof
from inventory.schema.kinds import BOOLEAN, BYTES, TEXT, UtcDateTime, text_type

__all__ = [
    "FINDINGS",
    "JOB_DIGESTS",
    "JOB_LISTINGS",
    "LISTED_ELSEWHERE",
    "LISTED_TOO",
    "MAINTENANCE",
    "SIGNATURES",
    "SNAPSHOTS",
    "SOURCES",
]


def _id(doc: str) -> Column[Any]:
    """Declare an id that the database counts up and never gives twice (SQLite counts INTEGER keys alone)."""
    return Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, comment=doc)


def _text(name: str, doc: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, text_type(), nullable=nullable, comment=doc)


def _time(name: str, doc: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, UtcDateTime(), nullable=nullable, comment=doc)


def _count(name: str, doc: str) -> Column[Any]:
    return Column(name, BigInteger, nullable=False, comment=doc)


SOURCES = Table(
    "sources",
    METADATA,
    _id("The source: what every other table calls source_id"),
    Column("name", text_type(), nullable=False, unique=True, comment="Its name in the configuration"),
    _text("region", "Region that its jobs run in; NULL where a recording does not say", nullable=True),
    _text("project_id", "Project that its jobs belong to; NULL where a recording does not say", nullable=True),
    _time("created_at", "When its first export added it, UTC"),
    _time("retired_at", "When it was retired, UTC; NULL while it is exported", nullable=True),
    comment="One project in one region: an entry of the configuration.",
    sqlite_autoincrement=True,
)

SNAPSHOTS = Table(
    "snapshots",
    METADATA,
    _id("The snapshot: what valid_from and valid_to name; grows within a source and is never used again"),
    Column("source_id", BigInteger, ForeignKey("sources.id"), nullable=False, comment="The source: sources.id"),
    _time("started_at", "When the export started, UTC"),
    _time("finished_at", "When the export had written it, UTC"),
    _time("observed_from", "When the first answer was observed, UTC; NULL where there was none", nullable=True),
    _time("observed_to", "When the last answer was observed, UTC; NULL where there was none", nullable=True),
    _text("status", "complete; or partial, where some jobs could not be read and were carried over"),
    _text("consistency", "How far the answers belong to one moment; NULL where nothing is known", nullable=True),
    _count("requested", "Job ids that were asked for"),
    _count("returned", "Jobs that came back"),
    _count("absent", "Jobs proven to exist no more"),
    _count("unreadable", "Jobs that could not be read, whatever the reason"),
    _count("deselected", "Jobs that left because the configuration names them no more"),
    _count("jobs", "Jobs in the snapshot, carried over ones included"),
    _count("added", "Jobs that the snapshot before did not have"),
    _count("changed", "Jobs that the snapshot before had otherwise"),
    _count("removed", "Jobs that the snapshot before had and this one has not, the deselected aside"),
    _count("requests", "Requests that were sent, retries included"),
    _count("retries", "Requests that were sent again"),
    _text("schema_revision", "Revision of the tables that it was written to"),
    _text("tool_version", "Version of inventory that wrote it"),
    _text("run_id", "The run of export that wrote it, shared by all its sources"),
    _text("content_digest", "SHA-256 over the sorted digests of its jobs, in hex"),
    _text("digest", "SHA-256 over previous_digest, content_digest and this row, in hex"),
    _text("previous_digest", "digest of the source's snapshot before; NULL for the first", nullable=True),
    _time("pruned_at", "When its rows were dropped, UTC; NULL while it can be read; outside the digest", nullable=True),
    UniqueConstraint("source_id", "id", name="uq_snapshots_source_id"),
    comment="What one export of one source saw, written wholly or not at all.",
    sqlite_autoincrement=True,
)

JOB_LISTINGS = entity(
    "job_listings",
    "What only the list API says of a job or subtask; in no table of the reference.",
    field(
        "net_type", TEXT, "Network between the databases, as the list API says it.",
        table=None, values=("vpn", "vpc", "eip"),
    ),
    field("billing_tag", BOOLEAN, "Billing tag; meaning not stated. In the list API alone.", table=None),
    field(
        "node_new_framework", BOOLEAN, "Whether the node has the new framework; what that is, is not stated.",
        table=None, path="node_newFramework",
    ),
    own("parent_job_id", TEXT, "The task in whose children the list API names this one; NULL for a task of its own"),
    field(
        "error_msg", TEXT, "Error message, as the list API says it; may quote connection strings.",
        table=None, error_text=True,
    ),
)  # fmt: skip

# Members of the list that batch-detail says better: dropped where the detail was read, else kept in `extra`.
LISTED_TOO = frozenset(
    "name status create_time description engine_type job_direction db_use_type task_type".split()  # noqa: SIM905
)
# The id is the key, children are rows of their own, and job_action follows from the status.
LISTED_ELSEWHERE = frozenset({"id", "children", "job_action"})

FINDINGS = entity(
    "findings",
    "What was not as documented, kept with its evidence.",
    own("kind", TEXT, "unknown_field, unknown_value, wrong_type, repeated_key, absent_job, …", key=True),
    own("path", TEXT, "Where, without positions: object_infos[].name; '' for a job as a whole", key=True),
    own("detail", TEXT, "What was found, and what was expected; nothing that changes by itself"),
)

_ROW_DIGESTS = own(
    "row_digests", BYTES, "For each of its rows table, key and the first 8 digits of its digest: zlib, a line a row"
)
_ROW_DIGESTS.info["follows"] = True  # from what the digest is over

JOB_DIGESTS = proof(
    "job_digests",
    "The digest of each job, and of its rows: so that verify can name the row that was altered.",
    own("digest", TEXT, "SHA-256 over the sorted digests of its rows, in hex"),
    _ROW_DIGESTS,
)
for _table in (JOB_DIGESTS.current, JOB_DIGESTS.history):
    for _name in ("digest", "row_digests"):
        _table.c[_name].nullable = False

MAINTENANCE = Table(
    "maintenance",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False, comment="1: there is one row"),
    Column("pruning", Boolean, nullable=False, comment="Whether history may be deleted: true inside prune alone"),
    comment="What opens the append-only tables to prune, for as long as its transaction lasts.",
)

SIGNATURES = Table(
    "signatures",
    METADATA,
    Column(
        "snapshot_id", BigInteger, ForeignKey("snapshots.id"), primary_key=True, autoincrement=False,
        comment="The snapshot: snapshots.id",
    ),
    _text("key_id", "First 16 hex digits of SHA-256 over the raw public key"),
    _text("signature", "Ed25519 over the line 'inventory snapshot DIGEST', in hex"),
    comment="Signatures of snapshots, where the configuration names a key.",
)  # fmt: skip
