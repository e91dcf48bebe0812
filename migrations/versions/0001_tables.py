"""All tables: sources, snapshots, and a table of current rows and one of superseded rows for each entity.

Views and triggers are created by `inventory.store.derived` after the last migration.
"""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TEXT as PG_TEXT

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(PG_TEXT(collation="C"), "postgresql")  # sorts by code point, as SQLite does
TIME = sa.DateTime(timezone=True)
BIGINT = sa.BigInteger()
INTEGER = sa.Integer()
BOOLEAN = sa.Boolean()
BYTES = sa.LargeBinary()
DATE = sa.Date()
DOUBLE = sa.Double()
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite generates ids only for INTEGER keys

LATER = sa.text("valid_from > 1")  # leaves the rows of the first snapshot out of the index

FILLED = ("internal_maintenance", "enum_values", "dictionary", "report_settings")  # from the start, with what can be made again

Column = Callable[[], sa.Column[Any]]

TABLES = [  # parents first
    "sources", "snapshots", "internal_signatures", "internal_served_jobs", "internal_maintenance", "calendar",
    "snapshot_counts", "enum_values", "dictionary", "report_settings",
    "check_runs", "check_results", "check_waivers",
    "jobs", "jobs_history", "endpoints", "endpoints_history", "object_infos",
    "object_infos_history", "tags", "tags_history", "speed_limits", "speed_limits_history",
    "alarm_subscriptions", "alarm_subscriptions_history", "alarm_endpoints", "alarm_endpoints_history", "filter_conditions",
    "filter_conditions_history", "filter_object_infos", "filter_object_infos_history", "public_ips", "public_ips_history",
    "child_jobs", "child_jobs_history", "job_listings", "job_listings_history", "findings",
    "findings_history", "internal_job_digests", "internal_job_digests_history",
]


def upgrade() -> None:
    _create_ledger()
    _create_reporting()
    _create_checks()
    _create_entities()
    _create_own()


def downgrade() -> None:
    """Drop all tables; refuse if rows would be lost."""
    for name in TABLES:
        found = sa.select(sa.literal(1)).select_from(sa.table(name)).limit(1)
        if name not in FILLED and op.get_bind().execute(found).scalar():
            raise RuntimeError(f"the table {name} has rows, which a downgrade would lose")
    for name in reversed(TABLES):
        op.drop_table(name)


def _table(
    name: str,
    comment: str,
    *columns: Column,
    key: list[str],
    parent: tuple[str, list[str], list[str]] | None = None,
    indexes: tuple[str, ...] = (),
    validity: bool = True,
) -> None:
    """Create a table of current rows and its twin NAME_history of superseded rows.

    key: without source_id. parent: its name, the referring columns and the referred columns, without source_id.
    validity: create indexes on valid_from and valid_to.
    """
    columns = (must("source_id", BIGINT, "The source: sources.id"), *columns)
    end = must("valid_to", BIGINT, "The first snapshot that no longer saw the row so: snapshots.id")
    links = [sa.ForeignKeyConstraint(["source_id"], ["sources.id"])]
    if parent is not None:
        table, ours, theirs = parent
        links.append(
            sa.ForeignKeyConstraint(
                ["source_id", *ours], [f"{table}.{column}" for column in ("source_id", *theirs)],
                name=f"fk_{name}_{table}", deferrable=True, initially="DEFERRED",
            )
        )
    op.create_table(
        name, *(column() for column in columns), *links, sa.PrimaryKeyConstraint("source_id", *key),
        comment=comment,
    )
    op.create_table(
        f"{name}_history", *(column() for column in (*columns, end)), sa.PrimaryKeyConstraint("source_id", *key, "valid_from"),
        comment=f"Superseded rows of {name}: {comment}",
    )
    for column in indexes:
        op.create_index(f"ix_{name}_{column}", name, [column])
    if validity:
        op.create_index(f"ix_{name}_valid_from", name, ["valid_from"], sqlite_where=LATER, postgresql_where=LATER)
        op.create_index(f"ix_{name}_history_valid_from", f"{name}_history", ["valid_from"])
        op.create_index(f"ix_{name}_history_valid_to", f"{name}_history", ["valid_to"])


def may(name: str, kind: Any, comment: str, *, null: bool = True) -> Column:
    """Declare a column that may be NULL; return a function, because two tables need one each."""
    return lambda: sa.Column(name, kind, autoincrement=False, nullable=null, comment=comment)


def must(name: str, kind: Any, comment: str) -> Column:
    """Declare a column that may not be NULL."""
    return may(name, kind, comment, null=False)


def _create_reporting() -> None:
    op.create_table(
        "calendar",
        must("day", DATE, 'The UTC day')(),
        must("day_number", BIGINT, 'Days since 1970-01-01, to count with')(),
        must("month", TEXT, 'Its month: YYYY-MM')(),
        must("is_month_end", BOOLEAN, 'Whether it is the last day of its month')(),
        sa.PrimaryKeyConstraint("day"),
        comment='The UTC days from the first snapshot to the last one, without a gap.',
    )
    op.create_table(
        "snapshot_counts",
        must("snapshot_id", BIGINT, 'The snapshot, if it is not pruned: snapshots.id')(),
        must("table_name", TEXT, 'The table that is counted')(),
        must("rows", BIGINT, 'Rows of the table in the snapshot')(),
        may("added", BIGINT, 'Rows that the snapshot before has not; NULL for a table that is not in changes')(),
        may("changed", BIGINT, 'Rows that the snapshot before has otherwise; NULL likewise')(),
        may("removed", BIGINT, 'Rows that the snapshot before has and this one has not; NULL likewise')(),
        sa.PrimaryKeyConstraint("snapshot_id", "table_name"),
        sa.ForeignKeyConstraint(["snapshot_id"], ["snapshots.id"]),
        comment='How many rows each snapshot has, and how many changed since the one before that is not pruned.',
    )
    op.create_table(
        "enum_values",
        must("table_name", TEXT, 'The table')(),
        must("column_name", TEXT, 'The column')(),
        must("value", TEXT, 'A documented value; others may come')(),
        may("meaning", TEXT, 'What it means; NULL where the reference does not say')(),
        may("phase", TEXT, 'Of a status: setup, full, incremental, change, release or ended')(),
        may("is_failed", BOOLEAN, 'Of a status: whether it says that something failed')(),
        must("since", TEXT, 'Revision of the tables that brought the column')(),
        sa.PrimaryKeyConstraint("table_name", "column_name", "value"),
        comment='The documented values of columns that have a fixed set of them.',
    )
    op.create_table(
        "dictionary",
        must("relation", TEXT, 'The table or view')(),
        must("column_name", TEXT, "The column; '' for the table or view itself")(),
        must("type", TEXT, 'text, integer, number, boolean, time, date, bytes, json; or table, view')(),
        may("unit", TEXT, 'Unit of the number; NULL where it has none, or it is not documented')(),
        must("meaning", TEXT, 'What it means')(),
        may("api_path", TEXT, "Where the value is in the API's answer; NULL where it does not come from there")(),
        may("reference_table", BIGINT, 'Number of the table in the API reference; NULL where it has none')(),
        must("secret", BOOLEAN, 'Whether values are masked before they are stored')(),
        must("since", TEXT, 'Revision of the tables that brought it')(),
        sa.PrimaryKeyConstraint("relation", "column_name"),
        comment='What every table, view and column means: the data dictionary.',
    )
    op.create_table(
        "report_settings",
        must("name", TEXT, "owner_tag: key of the tag that names a task's owner")(),
        must("value", TEXT, 'The value, from `report` in the configuration of the last export')(),
        sa.PrimaryKeyConstraint("name"),
        comment='Settings that views use.',
    )


def _create_checks() -> None:
    op.create_table(
        "check_runs",
        sa.Column("id", ID, nullable=False, comment='The run of one rule on one source: what check_results.run_id names'),
        must("source_id", BIGINT, 'The source: sources.id')(),
        must("snapshot_id", BIGINT, 'The snapshot that was checked: snapshots.id')(),
        must("rule_id", TEXT, 'The rule, such as DRS-001')(),
        must("rule_digest", TEXT, "SHA-256 over what the rule's results depend on, in hex")(),
        must("as_of", TIME, "What :now was in the rule, UTC: the snapshot's time; with max_age none that of the check")(),
        must("status", TEXT, 'complete; or unknown, where the snapshot is partial or too old, or the rule failed')(),
        may("reason", TEXT, 'Why it is unknown: partial, stale, or the error of the rule; NULL if complete')(),
        must("opened", BIGINT, 'Results that the run opened, for the first time or again')(),
        must("closed", BIGINT, 'Results that the run closed')(),
        must("open", BIGINT, 'Results that are open after it, without the waived')(),
        must("waived", BIGINT, 'Results that are waived after it')(),
        must("seconds", DOUBLE, 'How long the rule took, in seconds')(),
        must("digest", TEXT, 'SHA-256 over previous_digest, the snapshot, the rule, status and the rows found, in hex')(),
        may("previous_digest", TEXT, 'digest of the run of the rule on the source before; NULL for the first')(),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"]),
        sa.ForeignKeyConstraint(["snapshot_id"], ["snapshots.id"]),
        comment='What each rule came to on each snapshot that was checked. Append-only, never pruned.',
        sqlite_autoincrement=True,
    )
    op.create_table(
        "check_results",
        sa.Column("id", ID, nullable=False, comment='Grows with time: the last row of a result is its state now'),
        must("rule_id", TEXT, 'The rule, such as DRS-001')(),
        must("rule_digest", TEXT, 'SHA-256 of the rule as it was when this was recorded: check_runs.rule_digest')(),
        must("source_id", BIGINT, 'The source: sources.id')(),
        must("job_id", TEXT, "The job; '' for a result that is about the source")(),
        must("key", TEXT, "What tells it from other results of the rule for the job; '' where there is one at most")(),
        must("state", TEXT, 'open; waived: accepted until a day; or closed')(),
        must("severity", TEXT, 'Severity of the rule: low, medium, high or critical')(),
        must("opened_snapshot", BIGINT, 'The snapshot in which it was found first since it was last closed: snapshots.id')(),
        must("opened_at", TIME, 'When that snapshot was observed, UTC; of a rule with max_age none, when it was checked')(),
        may("closed_snapshot", BIGINT, 'The snapshot without it; NULL if not closed: snapshots.id')(),
        may("closed_at", TIME, 'When that snapshot was observed, or checked likewise, UTC; NULL if not closed')(),
        may("close_reason", TEXT, 'fixed, job_gone, rule_changed or source_retired; NULL if not closed')(),
        must("reopened", BIGINT, 'How often it was found again after it had been closed')(),
        must("first_ever_at", TIME, 'opened_at of its first opening, UTC')(),
        may("owner", TEXT, "The task's owner, as in the view tasks; NULL where there is none")(),
        must("detail", TEXT, 'What the rule found, when the row was recorded')(),
        must("due_at", TIME, "When it should be closed, by the rule's deadline or the end of its last waiver, UTC")(),
        must("snapshot_id", BIGINT, "The source's last snapshot when this row was recorded: snapshots.id")(),
        may("run_id", BIGINT, "The run that recorded it; NULL: a waiver, its end, or the source's: check_runs.id")(),
        must("recorded_at", TIME, 'When the row was recorded, UTC')(),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"]),
        sa.ForeignKeyConstraint(["opened_snapshot"], ["snapshots.id"]),
        sa.ForeignKeyConstraint(["closed_snapshot"], ["snapshots.id"]),
        sa.ForeignKeyConstraint(["snapshot_id"], ["snapshots.id"]),
        sa.ForeignKeyConstraint(["run_id"], ["check_runs.id"]),
        comment='Every state that each result of a rule ever had, a row each. Append-only, never pruned.',
        sqlite_autoincrement=True,
    )
    op.create_index("ix_check_results_identity", "check_results", ["rule_id", "source_id", "job_id", "key", "id"])
    op.create_table(
        "check_waivers",
        sa.Column("id", ID, nullable=False, comment='The waiver; the last one of a result is in force'),
        must("rule_id", TEXT, 'The rule, such as DRS-001')(),
        must("source_id", BIGINT, 'The source: sources.id')(),
        must("job_id", TEXT, "The job; '' for a result that is about the source")(),
        must("key", TEXT, "The result's key: check_results.key")(),
        must("reason", TEXT, 'Why the result is accepted')(),
        must("by", TEXT, 'Who accepted it')(),
        must("created_at", TIME, 'When the waiver was recorded, UTC')(),
        must("until", DATE, 'The UTC day on which the result is open again')(),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"]),
        comment='Results that were accepted for a time, with who did and why. Append-only, never pruned.',
        sqlite_autoincrement=True,
    )


def _create_ledger() -> None:
    op.create_table(
        "sources",
        sa.Column("id", ID, nullable=False, comment="The source: what every other table calls source_id"),
        must("name", TEXT, "Its name in the configuration")(),
        may("region", TEXT, "Region that its jobs run in; NULL where a recording does not say")(),
        may("project_id", TEXT, "Project that its jobs belong to; NULL where a recording does not say")(),
        must("created_at", TIME, "When its first export added it, UTC")(),
        may("retired_at", TIME, "When it was retired, UTC; NULL while it is exported")(),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        comment="One project in one region: an entry of the configuration.",
        sqlite_autoincrement=True,
    )
    op.create_table(
        "snapshots",
        sa.Column("id", ID, nullable=False, comment="The snapshot: what valid_from and valid_to name; grows within a source and is never used again"),
        must("source_id", BIGINT, "The source: sources.id")(),
        must("started_at", TIME, "When the export started, UTC")(),
        must("finished_at", TIME, "When the export had written it, UTC")(),
        may("observed_from", TIME, "When the first answer was observed, UTC; NULL where there was none")(),
        may("observed_to", TIME, "When the last answer was observed, UTC; NULL where there was none")(),
        must("status", TEXT, "complete; or partial, where some jobs could not be read and were carried over")(),
        may("consistency", TEXT, "How far the answers belong to one moment; NULL where nothing is known")(),
        must("requested", BIGINT, "Job ids that were asked for")(),
        must("returned", BIGINT, "Jobs that came back")(),
        must("absent", BIGINT, "Jobs proven to exist no more")(),
        must("unreadable", BIGINT, "Jobs that could not be read, whatever the reason")(),
        must("deselected", BIGINT, "Jobs that left because the configuration names them no more")(),
        must("jobs", BIGINT, "Jobs in the snapshot, carried over ones included")(),
        must("added", BIGINT, "Jobs that the snapshot before did not have")(),
        must("changed", BIGINT, "Jobs that the snapshot before had otherwise")(),
        must("removed", BIGINT, "Jobs that the snapshot before had and this one has not, the deselected aside")(),
        must("requests", BIGINT, "Requests that were sent, retries included")(),
        must("retries", BIGINT, "Requests that were sent again")(),
        must("schema_revision", TEXT, "Revision of the tables that it was written to")(),
        must("tool_version", TEXT, "Version of inventory that wrote it")(),
        must("run_id", TEXT, "The run of export that wrote it, shared by all its sources")(),
        must("content_digest", TEXT, "SHA-256 over the sorted digests of its jobs, in hex")(),
        must("digest", TEXT, "SHA-256 over previous_digest, content_digest and this row, in hex")(),
        may("previous_digest", TEXT, "digest of the source's snapshot before; NULL for the first")(),
        may("pruned_at", TIME, "When its rows were dropped, UTC; NULL while it can be read; outside the digest")(),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"]),
        sa.UniqueConstraint("source_id", "id", name="uq_snapshots_source_id"),
        comment="What one export of one source saw, written wholly or not at all.",
        sqlite_autoincrement=True,
    )
    op.create_table(
        "internal_signatures",
        must("snapshot_id", BIGINT, "The snapshot: snapshots.id")(),
        must("key_id", TEXT, "First 16 hex digits of SHA-256 over the raw public key")(),
        must("signature", TEXT, "Ed25519 over the line 'inventory snapshot DIGEST', in hex")(),
        sa.PrimaryKeyConstraint("snapshot_id"),
        sa.ForeignKeyConstraint(["snapshot_id"], ["snapshots.id"]),
        comment="Signatures of snapshots, where the configuration names a key.",
    )
    op.create_table(
        "internal_served_jobs",
        must("source_id", BIGINT, "The source: sources.id")(),
        must("job_id", TEXT, "The job")(),
        must("digest", BYTES, "SHA-256 over the answer with its secrets masked, whatever else its rows depend on, and its findings; behind it these, as JSON")(),
        sa.PrimaryKeyConstraint("source_id", "job_id"),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"]),
        comment="What was served of each job the last time: what is served the same again need not be normalised again. A cache: it may be emptied at any time.",
    )
    op.create_table(
        "internal_maintenance",
        must("id", INTEGER, "1: there is one row")(),
        must("pruning", BOOLEAN, "Whether history may be deleted: true inside prune alone")(),
        sa.PrimaryKeyConstraint("id"),
        comment="What opens the append-only tables to prune, for as long as its transaction lasts.",
    )
    op.execute("INSERT INTO internal_maintenance (id, pruning) VALUES (1, false)")


def _create_entities() -> None:
    _table(
        "jobs",
        "Tasks, as batch-detail returns them (Table 6, with Tables 9, 11, 12, 14 and 16 flattened).",
        must("id", TEXT, "Task ID; 36 characters like a UUID, but not one. [Table 6]"),
        may("parent_id", TEXT, "ID of the parent task. [Table 6]"),
        may("name", TEXT, "Task name. [Table 6]"),
        may("status", TEXT, "Where the task is in its life. [Table 6]"),
        may("description", TEXT, "Free text; empty means none. [Table 6]"),
        may("create_time", TIME, "When the task was created, UTC; the API sends milliseconds. [Table 6]"),
        may("task_type", TEXT, "Whether it moves what is there, what changes, or both. [Table 6]"),
        may("net_type", TEXT, "Network between the databases; in no known answer, see job_listings. [Table 6]"),
        may("failed_reason", TEXT, "Why the task failed; may quote connection strings. [Table 6]"),
        may("inst_info_engine_type", TEXT, "Kind of task, by its engines; may differ from what it was created with. [Table 9]"),
        may("inst_info_inst_type", TEXT, "Size class of the replication instance. [Table 9]"),
        may("inst_info_ip", TEXT, "Private IP address of the replication instance. [Table 9]"),
        may("inst_info_public_ip", TEXT, "EIP of the replication instance; ****** is the service's own mask. [Table 9]"),
        may("inst_info_start_time", TIME, "When the task is scheduled to start, UTC; NULL if it is not, for which the API sends 0. [Table 9]"),
        may("inst_info_status", TEXT, "Status of the replication instance; the example response has it in upper case. [Table 9]"),
        may("inst_info_volume_size", BIGINT, "Storage space of the replication instance; unit from the vendor's client. [Table 9]"),
        may("actual_start_time", TIME, "When the task really started, UTC; the API sends milliseconds. [Table 6]"),
        may("full_transfer_complete_time", TIME, "When the full migration was complete, UTC; it says nothing about the status. [Table 6]"),
        may("update_time", TIME, "When the task was last updated, UTC; the API sends milliseconds. [Table 6]"),
        may("job_direction", TEXT, "up: to the cloud, or the current cloud is the standby; down: out of the cloud, or it is the active one; non-dbs: self-built databases. [Table 6]"),
        may("db_use_type", TEXT, "Scenario: migration, synchronization or disaster recovery, each in real time. [Table 6]"),
        may("need_restart", BOOLEAN, "Whether the instance needs to be restarted. [Table 6]"),
        may("is_target_readonly", BOOLEAN, "Whether the destination is restricted to reading. [Table 6]"),
        may("conflict_policy", TEXT, "What a conflict leads to: failure, the new data, or the old. [Table 6]"),
        may("filter_ddl_policy", TEXT, "Which DDL is filtered out; '' means none. drop_databasefilter_all, all of it, is the reference's spelling. [Table 6]"),
        may("schema_type", TEXT, "How data is captured: primary/standby replication, log parsing or PostgreSQL backup. [Table 6]"),
        may("node_num", BIGINT, "Number of nodes. Text in the reference, an integer in the vendor's client since 2024-10; both are accepted. [Table 6]"),
        may("object_switch", BOOLEAN, "Whether objects are selected, rather than everything moved. [Table 6]"),
        may("master_job_id", TEXT, "ID of the main task. [Table 6]"),
        may("full_mode", TEXT, "Mode of the full snapshot; values not stated. [Table 6]"),
        may("struct_trans", BOOLEAN, "Whether the structure is migrated. [Table 6]"),
        may("index_trans", BOOLEAN, "Whether indexes are migrated. [Table 6]"),
        may("replace_definer", BOOLEAN, "Whether the user of the destination replaces the definer. [Table 6]"),
        may("migrate_user", BOOLEAN, "Whether users are migrated. [Table 6]"),
        may("sync_database", BOOLEAN, "Whether whole databases are synchronized. [Table 6]"),
        may("error_code", TEXT, "Error code of the task. [Table 6]"),
        may("error_message", TEXT, "Error message; may quote connection strings. [Table 6]"),
        may("target_root_db_db_name", TEXT, "Name of the root node's database at the destination. [Table 11]"),
        may("target_root_db_db_encoding", TEXT, "Encoding of the root node's database at the destination. [Table 11]"),
        may("az_code", TEXT, "AZ where the node is located, by its code; not a public AZ name. [Table 6]"),
        may("vpc_id", TEXT, "VPC to which the node belongs. [Table 6]"),
        may("subnet_id", TEXT, "Subnet where the node is located. [Table 6]"),
        may("security_group_id", TEXT, "Security group to which the node belongs. [Table 6]"),
        may("multi_write", BOOLEAN, "Whether this is a dual-active DR task. [Table 6]"),
        may("support_ip_v6", BOOLEAN, "Whether IPv6 is supported. [Table 6]"),
        may("inherit_id", TEXT, "ID of the task this one inherits from. [Table 6]"),
        may("gtid", TEXT, "GTID set of the breakpoints. [Table 6]"),
        may("alarm_notify_topic_name", TEXT, "Name of the SMN topic that alarms go to. [Table 12]"),
        may("alarm_notify_delay_time", BIGINT, "Subscription delay; unit not stated. [Table 12]"),
        may("alarm_notify_rto_delay", BIGINT, "RTO delay that is notified; unit not stated. [Table 12]"),
        may("alarm_notify_rpo_delay", BIGINT, "RPO delay that is notified; unit not stated. [Table 12]"),
        may("alarm_notify_alarm_to_user", BOOLEAN, "Whether users are notified of alarms. [Table 12]"),
        may("is_multi_az", BOOLEAN, "Whether this is a primary/standby task. [Table 6]"),
        may("az_name", TEXT, "Name of the AZ where the node is located. [Table 6]"),
        may("master_az", TEXT, "AZ of the primary, for a primary/standby task. [Table 6]"),
        may("slave_az", TEXT, "AZ of the standby, for a primary/standby task. [Table 6]"),
        may("node_role", TEXT, "Primary or standby role of the task; values not stated. [Table 6]"),
        may("incre_start_position", TEXT, "Where an incremental task starts in the log; format not stated. [Table 6]"),
        may("period_order_status", TEXT, "Status of the yearly/monthly order; the values are the vendor's client's. [Table 14]"),
        may("period_order_order_id", TEXT, "ID of the yearly/monthly order. [Table 14]"),
        may("period_order_charging_mode", BIGINT, "Billing: 0 yearly/monthly, 1 pay-per-use. [Table 14]"),
        may("period_order_period_type", BIGINT, "What the subscription counts in: 2 months, 3 years. [Table 14]"),
        may("period_order_period_num", BIGINT, "Number of periods subscribed: 1 to 9 months, or 1 to 3 years. [Table 14]"),
        may("period_order_is_auto_renew", BOOLEAN, "Whether the subscription renews itself. [Table 14]"),
        may("period_order_eff_time", TIME, "When the resource took effect, which is when it was created; UTC. [Table 14]"),
        may("period_order_exp_time", TIME, "When the resource expires, renewals included; UTC. [Table 14]"),
        may("original_job_direction", TEXT, "Task direction, with job_direction's values; when the two differ is not stated. [Table 6]"),
        may("data_transformation_total_count", BIGINT, "Number of data filtering criteria; at most 10,000 are returned. [Table 16]"),
        may("bind_public_ip_state", TEXT, "Whether an EIP was bound; values not stated. [Table 6]"),
        may("is_open_fast_clean", BOOLEAN, "Whether binlog clearing is enabled, for RDS for MySQL and RDS for MariaDB. [Table 6]"),
        may("job_kernel_direction", TEXT, "job_direction; the opposite of it during a DR switchover. In the vendor's client since 3.1.183 (2026-01)."),
        may("sync_mode", TEXT, "Level at which data is synchronized. In the vendor's client since 3.1.218."),
        may("issue_coupon", BOOLEAN, "Meaning not stated. Seen in an example of Open Telekom Cloud's reference alone."),
        may("extra", TEXT, "What the columns do not give back: JSON of path -> value as it came; NULL where none"),
        must("valid_from", BIGINT, "The snapshot that first saw the row so: snapshots.id"),
        key=["id"],
        indexes=("status", "inst_info_engine_type", "db_use_type",),
    )
    _table(
        "endpoints",
        "Databases at a job's ends: source, destination, DMQ and physical sources (Table 7, with Table 8 flattened).",
        must("job_id", TEXT, "The job it belongs to"),
        must("role", TEXT, "Where it stands in the job: source, dmq, source_sharding or target"),
        must("item", TEXT, "What tells it from others: `ip`, `db_port`, as text, a space between; where it has none of these, or a masked one, 16 hex digits of SHA-256 over its canonical JSON; '' for the three that are no list"),
        must("occurrence", BIGINT, "0, 1, … among rows that are equal in the rest of the key"),
        may("db_type", TEXT, "Database type. [Table 7]"),
        may("az_code", TEXT, "Code of the AZ where the database is located. [Table 7]"),
        may("region", TEXT, "Region where the instance is located; for cloud instances. [Table 7]"),
        may("inst_id", TEXT, "Instance ID; for cloud instances. [Table 7]"),
        may("vpc_id", TEXT, "VPC where the database is located. [Table 7]"),
        may("subnet_id", TEXT, "Subnet where the database is located. [Table 7]"),
        may("security_group_id", TEXT, "Security group to which the database belongs. [Table 7]"),
        may("project_id", TEXT, "Project to which the instance belongs. [Table 7]"),
        may("db_name", TEXT, "Service name, for an Oracle source; at most 128 characters, none of !<>&'\\\". [Table 7]"),
        may("db_password", TEXT, "Password of the database user. [Table 7]"),
        may("db_port", BIGINT, "Port of the database, 1 to 65535. [Table 7]"),
        may("db_user", TEXT, "Database user. [Table 7]"),
        may("inst_name", TEXT, "Name of the RDS instance. [Table 7]"),
        may("ip", TEXT, "Address of the database; can be several host:port pairs with commas between them. [Table 7]"),
        may("mongo_ha_mode", TEXT, "HA mode of MongoDB; values not stated. [Table 7]"),
        may("safe_mode", BOOLEAN, "Whether an MRS cluster is in security mode. [Table 7]"),
        may("ssl_cert_password", TEXT, "Password of the SSL certificate, a .p12 file. [Table 7]"),
        may("ssl_cert_check_sum", TEXT, "Checksum of the SSL certificate; for a secure source connection. [Table 7]"),
        may("ssl_cert_key", TEXT, "Content of the SSL certificate in Base64. [Table 7]"),
        may("ssl_cert_name", TEXT, "Name of the SSL certificate. [Table 7]"),
        may("ssl_link", BOOLEAN, "Whether SSL is enabled. [Table 7]"),
        may("topic", TEXT, "Name of the Kafka topic. [Table 7]"),
        may("cluster_mode", TEXT, "Set for MongoDB 4.0 or later where the addresses of sharded nodes cannot be obtained. [Table 7]"),
        may("kafka_security_config_type", TEXT, "Security protocol of Kafka (security.protocol). [Table 8]"),
        may("kafka_security_config_trust_store_key_name", TEXT, "Name of the certificate; for SSL and SASL_SSL. [Table 8]"),
        may("kafka_security_config_trust_store_key", TEXT, "Content of the certificate in Base64; for SSL and SASL_SSL. [Table 8]"),
        may("kafka_security_config_trust_store_password", TEXT, "Password of the certificate, where it has one. [Table 8]"),
        may("kafka_security_config_endpoint_algorithm", TEXT, "How the server's host name is checked against its certificate (ssl.endpoint.identification.algorithm); '' means not at all. [Table 8]"),
        may("kafka_security_config_sasl_mechanism", TEXT, "SASL mechanism of the client's connection (sasl.mechanism). [Table 8]"),
        may("kafka_security_config_delegation_tokens", BOOLEAN, "Whether tokens authenticate; only with SASL_SSL or SASL_PLAINTEXT, and SCRAM-SHA-256 or SCRAM-SHA-512. [Table 8]"),
        may("kafka_security_config_enable_key_store", BOOLEAN, "Whether SSL authenticates both sides. [Table 8]"),
        may("kafka_security_config_key_store_key", TEXT, "Keystore certificate; where SSL authenticates both sides. [Table 8]"),
        may("kafka_security_config_key_store_key_name", TEXT, "Name of the keystore certificate; where SSL authenticates both sides. [Table 8]"),
        may("kafka_security_config_key_store_password", TEXT, "Password of the keystore certificate, where it has one (ssl.keystore.password). [Table 8]"),
        may("kafka_security_config_set_private_key_password", BOOLEAN, "Whether the keystore's private key has a password; the default is false. [Table 8]"),
        may("kafka_security_config_key_password", TEXT, "Password of the keystore's private key (ssl.key.password), where set_private_key_password says it has one. [Table 8]"),
        may("extra", TEXT, "What the columns do not give back: JSON of path -> value as it came; NULL where none"),
        must("valid_from", BIGINT, "The snapshot that first saw the row so: snapshots.id"),
        key=["job_id", "role", "item", "occurrence"],
        parent=("jobs", ["job_id"], ["id"]),
        indexes=("region",),
    )
    _table(
        "object_infos",
        "Databases, schemas, tables and views that a job moves (Table 15).",
        must("job_id", TEXT, "The job it belongs to"),
        must("type", TEXT, "What it is. [Table 15]"),
        must("id", TEXT, "The database's name, or its path: database-*-*-table. [Table 15]"),
        must("occurrence", BIGINT, "0, 1, … among rows that are equal in the rest of the key"),
        may("parent_id", TEXT, "Name of the database that a table or view belongs to. [Table 15]"),
        may("name", TEXT, "Name of the database, table or view. [Table 15]"),
        may("alias_name", TEXT, "Name at the destination, where it is mapped to another. [Table 15]"),
        may("is_selected", BOOLEAN, "Whether the object is moved; NULL, with partial in extra, where only some of what it holds is. In the example response, absent from Table 15."),
        may("extra", TEXT, "What the columns do not give back: JSON of path -> value as it came; NULL where none"),
        must("valid_from", BIGINT, "The snapshot that first saw the row so: snapshots.id"),
        key=["job_id", "type", "id", "occurrence"],
        parent=("jobs", ["job_id"], ["id"]),
    )
    _table(
        "tags",
        "Task tags (Table 21); a free map {key: value}, as in the reference's example, gives a row for each member.",
        must("job_id", TEXT, "The job it belongs to"),
        must("key", TEXT, "Tag key. [Table 21]"),
        must("occurrence", BIGINT, "0, 1, … among rows that are equal in the rest of the key"),
        may("value", TEXT, "Tag value; '' for a tag without one, where extra says if it came as null or not at all. [Table 21]"),
        may("extra", TEXT, "What the columns do not give back: JSON of path -> value as it came; NULL where none"),
        must("valid_from", BIGINT, "The snapshot that first saw the row so: snapshots.id"),
        key=["job_id", "key", "occurrence"],
        parent=("jobs", ["job_id"], ["id"]),
        indexes=("value",),
    )
    _table(
        "speed_limits",
        "Windows in which a job's speed is limited (Table 10).",
        must("job_id", TEXT, "The job it belongs to"),
        must("item", TEXT, "What tells it from others: `begin`, `end`, as text, a space between; where it has none of these, or a masked one, 16 hex digits of SHA-256 over its canonical JSON"),
        must("occurrence", BIGINT, "0, 1, … among rows that are equal in the rest of the key"),
        may("begin_time", TEXT, "Start of the window; format not stated. [Table 10]"),
        may("end_time", TEXT, "End of the window; format not stated. [Table 10]"),
        may("is_utc", BOOLEAN, "Whether the window is in UTC; the zone where it is not is not stated. [Table 10]"),
        may("speed", BIGINT, "The limit, 1 to 9999; range and unit are the vendor's client's. [Table 10]"),
        may("extra", TEXT, "What the columns do not give back: JSON of path -> value as it came; NULL where none"),
        must("valid_from", BIGINT, "The snapshot that first saw the row so: snapshots.id"),
        key=["job_id", "item", "occurrence"],
        parent=("jobs", ["job_id"], ["id"]),
    )
    _table(
        "alarm_subscriptions",
        "Ways in which a job's alarms are sent (Table 13).",
        must("job_id", TEXT, "The job it belongs to"),
        must("item", TEXT, "What tells it from others: `protocol`, as text, a space between; where it has none of these, or a masked one, 16 hex digits of SHA-256 over its canonical JSON"),
        must("occurrence", BIGINT, "0, 1, … among rows that are equal in the rest of the key"),
        may("protocol", TEXT, "Text message or e-mail. [Table 13]"),
        may("extra", TEXT, "What the columns do not give back: JSON of path -> value as it came; NULL where none"),
        must("valid_from", BIGINT, "The snapshot that first saw the row so: snapshots.id"),
        key=["job_id", "item", "occurrence"],
        parent=("jobs", ["job_id"], ["id"]),
    )
    _table(
        "alarm_endpoints",
        "Phone numbers and e-mail addresses that a job's alarms are sent to (Table 13).",
        must("job_id", TEXT, "The job it belongs to"),
        must("item", TEXT, "The item of its row in alarm_subscriptions"),
        must("endpoint", TEXT, "Phone number or e-mail address, by the protocol. [Table 13]"),
        must("occurrence", BIGINT, "0, 1, … among rows that are equal in the rest of the key"),
        must("item_occurrence", BIGINT, "The occurrence of its row in alarm_subscriptions"),
        may("extra", TEXT, "What the columns do not give back: JSON of path -> value as it came; NULL where none"),
        must("valid_from", BIGINT, "The snapshot that first saw the row so: snapshots.id"),
        key=["job_id", "item", "endpoint", "occurrence"],
        parent=("alarm_subscriptions", ["job_id", "item", "item_occurrence"], ["job_id", "item", "occurrence"]),
    )
    _table(
        "filter_conditions",
        "Conditions that filter a job's data (Table 17, with Tables 19 and 20 flattened).",
        must("job_id", TEXT, "The job it belongs to"),
        must("item", TEXT, "What tells it from others: `transformation_info.transformation_type`, `config_transformation.db_table_name`, `config_transformation.db_name`, `config_transformation.table_name`, `config_transformation.col_names`, `data_transformation_object_infos[].id`, as text, a space between; where it has none of these, or a masked one, 16 hex digits of SHA-256 over its canonical JSON"),
        must("occurrence", BIGINT, "0, 1, … among rows that are equal in the rest of the key"),
        may("transformation_info_transformation_type", TEXT, "contentConditionalFilter for a processing rule, configConditionalFilter for a configuration rule. [Table 19]"),
        may("transformation_info_value", TEXT, "The condition: SQL for a processing rule, config for a configuration rule; at most 256 characters. [Table 19]"),
        may("config_transformation_db_table_name", TEXT, "Database and table with a dot between them. [Table 20]"),
        may("config_transformation_db_name", TEXT, "Database name; at most 256 characters. [Table 20]"),
        may("config_transformation_table_name", TEXT, "Table name; at most 256 characters. [Table 20]"),
        may("config_transformation_col_names", TEXT, "Column name; at most 256 characters. [Table 20]"),
        may("config_transformation_prim_key_or_index", TEXT, "Primary key or unique index; at most 256 characters. [Table 20]"),
        may("config_transformation_indexs", TEXT, "Index that is to be optimized; at most 256 characters. [Table 20]"),
        may("config_transformation_values", TEXT, "Filtering criteria; at most 256 characters. [Table 20]"),
        may("extra", TEXT, "What the columns do not give back: JSON of path -> value as it came; NULL where none"),
        must("valid_from", BIGINT, "The snapshot that first saw the row so: snapshots.id"),
        key=["job_id", "item", "occurrence"],
        parent=("jobs", ["job_id"], ["id"]),
    )
    _table(
        "filter_object_infos",
        "Objects that a filter condition applies to (Table 18).",
        must("job_id", TEXT, "The job it belongs to"),
        must("item", TEXT, "The item of its row in filter_conditions"),
        must("id", TEXT, "Database, table and kind of filter: db-*-*-table-*-*---conditionFilter--. [Table 18]"),
        must("occurrence", BIGINT, "0, 1, … among rows that are equal in the rest of the key"),
        must("item_occurrence", BIGINT, "The occurrence of its row in filter_conditions"),
        may("data_transformation_type", TEXT, "contentConditionalFilter for a processing rule, configConditionalFilter for a configuration rule. [Table 18]"),
        may("db_name", TEXT, "Database of the table. In the example response, absent from Table 18."),
        may("schema_name", TEXT, "Schema of the table. [Table 18]"),
        may("table_name", TEXT, "Table whose data is filtered; the example's id names another. [Table 18]"),
        may("extra", TEXT, "What the columns do not give back: JSON of path -> value as it came; NULL where none"),
        must("valid_from", BIGINT, "The snapshot that first saw the row so: snapshots.id"),
        key=["job_id", "item", "id", "occurrence"],
        parent=("filter_conditions", ["job_id", "item", "item_occurrence"], ["job_id", "item", "occurrence"]),
    )
    _table(
        "public_ips",
        "EIPs specified for a job (Table 22).",
        must("job_id", TEXT, "The job it belongs to"),
        must("id", TEXT, "ID of the EIP. [Table 22]"),
        must("occurrence", BIGINT, "0, 1, … among rows that are equal in the rest of the key"),
        may("public_ip", TEXT, "The EIP itself. [Table 22]"),
        may("type", TEXT, "The task it is bound to: slave is the standby of a primary/standby task, master every other. [Table 22]"),
        may("extra", TEXT, "What the columns do not give back: JSON of path -> value as it came; NULL where none"),
        must("valid_from", BIGINT, "The snapshot that first saw the row so: snapshots.id"),
        key=["job_id", "id", "occurrence"],
        parent=("jobs", ["job_id"], ["id"]),
    )
    _table(
        "child_jobs",
        "Subtasks that an EIP could not be bound to (Table 23).",
        must("job_id", TEXT, "The job it belongs to"),
        must("id", TEXT, "Subtask ID. [Table 23]"),
        must("occurrence", BIGINT, "0, 1, … among rows that are equal in the rest of the key"),
        may("name", TEXT, "Subtask name. [Table 23]"),
        may("extra", TEXT, "What the columns do not give back: JSON of path -> value as it came; NULL where none"),
        must("valid_from", BIGINT, "The snapshot that first saw the row so: snapshots.id"),
        key=["job_id", "id", "occurrence"],
        parent=("jobs", ["job_id"], ["id"]),
    )


def _create_own() -> None:
    _table(
        "job_listings",
        "What only the list API says of a job or subtask; in no table of the reference.",
        must("job_id", TEXT, "The job it belongs to"),
        must("occurrence", BIGINT, "0, 1, … among rows that are equal in the rest of the key"),
        may("net_type", TEXT, "Network between the databases, as the list API says it."),
        may("name", TEXT, "Task name; only where the task itself was not read: else jobs.name."),
        may("status", TEXT, "Status; only where the task itself was not read: else jobs.status."),
        may("billing_tag", BOOLEAN, "Billing tag; meaning not stated. In the list API alone."),
        may("node_new_framework", BOOLEAN, "Whether the node has the new framework; what that is, is not stated."),
        may("parent_job_id", TEXT, "The task in whose children the list API names this one; NULL for a task of its own"),
        may("error_msg", TEXT, "Error message, as the list API says it; may quote connection strings."),
        may("extra", TEXT, "What the columns do not give back: JSON of path -> value as it came; NULL where none"),
        must("valid_from", BIGINT, "The snapshot that first saw the row so: snapshots.id"),
        key=["job_id", "occurrence"],
        validity=False,
    )
    _table(
        "findings",
        "What was not as documented, kept with its evidence.",
        must("job_id", TEXT, "The job it belongs to"),
        must("kind", TEXT, "unknown_field, unknown_value, wrong_type, repeated_key, absent_job, …"),
        must("path", TEXT, "Where, without positions: object_infos[].name; '' for a job as a whole"),
        must("occurrence", BIGINT, "0, 1, … among rows that are equal in the rest of the key"),
        may("detail", TEXT, "What was found, and what was expected; nothing that changes by itself"),
        may("extra", TEXT, "What the columns do not give back: JSON of path -> value as it came; NULL where none"),
        must("valid_from", BIGINT, "The snapshot that first saw the row so: snapshots.id"),
        key=["job_id", "kind", "path", "occurrence"],
        validity=False,
    )
    _table(
        "internal_job_digests",
        "The digest of each job, and of its rows: so that verify can name the row that was altered.",
        must("job_id", TEXT, "The job; '' for what is the source's own"),
        must("digest", TEXT, "SHA-256 over the sorted digests of its rows, in hex"),
        must("row_digests", BYTES, "Table and key of each of its rows: zlib, a line a row; behind it the first 3 bytes of each row's digest"),
        must("valid_from", BIGINT, "The snapshot that first saw the job so: snapshots.id"),
        key=["job_id"],
        validity=False,
    )
