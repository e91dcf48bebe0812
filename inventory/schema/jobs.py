"""Table 6: a job, with its single objects (Tables 9, 11, 12, 14, 16) flattened into its row.

Lists and endpoints are separate tables, in the neighbouring modules.
"""

from typing import Any

from inventory.schema.entities import entity
from inventory.schema.fields import Empty, Value, field
from inventory.schema.kinds import BOOLEAN, BOOLEAN_NUMBER, EPOCH_MS, INTEGER, INTEGER_OR_TEXT, ISO_TIME, TEXT

__all__ = ["JOBS", "STATUSES", "is_deleted"]


def _status(value: str, meaning: str, phase: str) -> Value:
    """Declare a status; its meaning is the reference's, the phase is ours."""
    return Value(value, meaning, phase, is_failed=value.endswith("_FAILED"))


STATUSES = (
    _status("CREATING", "The task is being created", "setup"),
    _status("CREATE_FAILED", "The task could not be created", "setup"),
    _status("CONFIGURATION", "The task is being configured", "setup"),
    _status("STARTJOBING", "The task is being started", "setup"),
    _status("WAITING_FOR_START", "The task waits to be started", "setup"),
    _status("START_JOB_FAILED", "The task could not be started", "setup"),
    _status("PAUSING", "The task is paused", "change"),
    _status("FULL_TRANSFER_STARTED", "Full migration or synchronization has begun; of DR: initialization", "full"),
    _status("FULL_TRANSFER_FAILED", "Full migration or synchronization failed; of DR: initialization", "full"),
    _status("FULL_TRANSFER_COMPLETE", "Full migration or synchronization is complete; of DR: initialization", "full"),
    _status(
        "INCRE_TRANSFER_STARTED",
        "Incremental migration or synchronization is under way; of DR: the task",
        "incremental",
    ),
    _status("INCRE_TRANSFER_FAILED", "Incremental migration or synchronization failed; of DR: the task", "incremental"),
    _status("RELEASE_RESOURCE_STARTED", "The task is being stopped", "release"),
    _status("RELEASE_RESOURCE_FAILED", "The task could not be stopped", "release"),
    _status("RELEASE_RESOURCE_COMPLETE", "The task is stopped", "ended"),
    _status("REBUILD_NODE_STARTED", "The task is being recovered", "change"),
    _status("REBUILD_NODE_FAILED", "The task could not be recovered", "change"),
    _status("CHANGE_JOB_STARTED", "The task is being changed", "change"),
    _status("CHANGE_JOB_FAILED", "The task could not be changed", "change"),
    _status("DELETED", "The task is deleted", "ended"),
    _status("CHILD_TRANSFER_STARTING", "The sub-task is being started", "setup"),
    _status("CHILD_TRANSFER_STARTED", "The sub-task is being migrated", "full"),
    _status("CHILD_TRANSFER_COMPLETE", "The sub-task's migration is complete", "full"),
    _status("CHILD_TRANSFER_FAILED", "The sub-task could not be migrated", "full"),
    _status("RELEASE_CHILD_TRANSFER_STARTED", "The sub-task is being stopped", "release"),
    _status("RELEASE_CHILD_TRANSFER_COMPLETE", "The sub-task is stopped", "ended"),
    _status("NODE_UPGRADE_START", "The upgrade has begun", "change"),
    _status("NODE_UPGRADE_COMPLETE", "The upgrade is complete", "change"),
    _status("NODE_UPGRADE_FAILED", "The upgrade failed", "change"),
)

# From Table 9, then from other pages of the reference and the vendor's clients. The service returns mongodb-to-dds
# for mongodb; v5 writes mysql-to-mysql for mysql.
_ENGINE_TYPES = (
    "mysql",
    "mongodb",
    "cloudDataGuard-mysql",
    "gaussdbv5",
    "mysql-to-kafka",
    "taurus-to-kafka",
    "gaussdbv5ha-to-kafka",
    "postgresql",
    "redis-to-gaussredis",
    "rediscluster-to-gaussredis",
    "oracle-to-gaussdbv5",
    "oracle-to-gaussdbv5ha",
    "gaussdbv5-to-oracle",
    "gaussdbv5ha-to-oracle",
    "gaussdbv5-to-kafka",
    "mysql-to-taurus",
    "cloudDataGuard-cassandra",
    "cloudDataGuard-ddm",
    "cloudDataGuard-taurus-to-mysql",
    "cloudDataGuard-mysql-to-taurus",
    "mongodb-to-dds",
    "mysql-to-mysql",
)

# Table 9 has only high; the next two are from the vendor's client, the rest from Terraform's node_type.
_INST_TYPES = ("high", "common", "ultrahigh", "micro", "small", "medium", "xlarge", "2xlarge")

# From the vendor's client; the reference has no values.
_ORDERSTATUSES = (
    "INITIALIZATION",
    "AWAITING_AUDIT",
    "AWAITING_REFUND",
    "PROCESSING",
    "CANCELED",
    "COMPLETED",
    "AWAITING_PAID",
    "AWAITING_APPROVE",
    "UNORDERED",
    "FROZEN_CAN_RENEW",
    "FROZEN_CAN_UNSUBSCRIBE",
    "FROZEN_POLICE",
    "FROZEN_CAN_RENEW_FREE",
    "FROZEN_CAN_FREE",
    "LOCK_RESOURCE",
)

_CHARGING_MODES = (Value("0", "Yearly or monthly"), Value("1", "Pay-per-use"))
_TASK_TYPES = (
    Value("FULL_TRANS", "Full migration"),
    Value("INCR_TRANS", "Incremental migration"),
    Value("FULL_INCR_TRANS", "Full and incremental migration"),
)
NET_TYPES = (Value("vpn", "A VPN"), Value("vpc", "A VPC"), Value("eip", "A public network, by an EIP"))
_DIRECTIONS = (
    Value("up", "To the cloud; of DR: the current cloud is the standby"),
    Value("down", "Out of the cloud; of DR: the current cloud is active"),
    Value("non-dbs", "Self-built databases"),
)
_DB_USE_TYPES = (
    Value("migration", "Real-time migration"),
    Value("sync", "Real-time synchronization"),
    Value("cloudDataGuard", "Real-time disaster recovery"),
)
_CONFLICT_POLICIES = (
    Value("stop", "A conflict fails the task"),
    Value("overwrite", "The new data replaces the old"),
    Value("ignore", "The old data stays"),
)
_DDL_POLICIES = ("drop_database", "drop_databasefilter_all")  # the second as in the reference and the client
_SCHEMA_TYPES = ("Replication", "Tungsten", "PGBaseBackup")
_SYNC_MODES = ("DB_LEVEL", "SCHEMA_LEVEL", "TABLE_LEVEL", "FILE_IMPORT", "INSTANCE_LEVEL")

JOBS = entity(
    "jobs",
    "Tasks, as batch-detail returns them (Table 6, with Tables 9, 11, 12, 14 and 16 flattened).",
    field("id", TEXT, "Task ID; 36 characters like a UUID, but not one.", table=6, key=True),
    field("parent_id", TEXT, "ID of the parent task.", table=6),
    field("name", TEXT, "Task name.", table=6),
    field("status", TEXT, "Where the task is in its life.", table=6, values=STATUSES, index=True),
    field("description", TEXT, "Free text; empty means none.", table=6, free_text=True),
    field("create_time", EPOCH_MS, "When the task was created, UTC; the API sends milliseconds.", table=6),
    field("task_type", TEXT, "Whether it moves what is there, what changes, or both.", table=6, values=_TASK_TYPES),
    field(
        "net_type", TEXT, "Network between the databases; in no known answer, see job_listings.",
        table=6, values=NET_TYPES,
    ),
    field("failed_reason", TEXT, "Why the task failed; may quote connection strings.", table=6, free_text=True),
    field(
        "inst_info_engine_type", TEXT, "Kind of task, by its engines; may differ from what it was created with.",
        table=9, path="inst_info.engine_type", values=_ENGINE_TYPES, index=True,
    ),
    field(
        "inst_info_inst_type", TEXT, "Size class of the replication instance.",
        table=9, path="inst_info.inst_type", values=_INST_TYPES,
    ),
    field("inst_info_ip", TEXT, "Private IP address of the replication instance.", table=9, path="inst_info.ip"),
    field(
        "inst_info_public_ip", TEXT, "EIP of the replication instance; ****** is the service's own mask.",
        table=9, path="inst_info.public_ip",
    ),
    field(
        "inst_info_start_time", EPOCH_MS,
        "When the task is scheduled to start, UTC; NULL if it is not, for which the API sends 0.",
        table=9, path="inst_info.start_time",
    ),
    field(
        "inst_info_status", TEXT, "Status of the replication instance; the example response has it in upper case.",
        table=9, path="inst_info.status", values=("active", "deleted"),
    ),
    field(
        "inst_info_volume_size", INTEGER, "Storage space of the replication instance; unit from the vendor's client.",
        table=9, path="inst_info.volume_size", unit="GB",
    ),
    field("actual_start_time", EPOCH_MS, "When the task really started, UTC; the API sends milliseconds.", table=6),
    field(
        "full_transfer_complete_time", EPOCH_MS,
        "When the full migration was complete, UTC; it says nothing about the status.", table=6,
    ),
    field("update_time", EPOCH_MS, "When the task was last updated, UTC; the API sends milliseconds.", table=6),
    field(
        "job_direction", TEXT,
        "up: to the cloud, or the current cloud is the standby; down: out of the cloud, or it is the active one; "
        "non-dbs: self-built databases.",
        table=6, values=_DIRECTIONS,
    ),
    field(
        "db_use_type", TEXT, "Scenario: migration, synchronization or disaster recovery, each in real time.",
        table=6, values=_DB_USE_TYPES, index=True,
    ),
    field("need_restart", BOOLEAN, "Whether the instance needs to be restarted.", table=6),
    field("is_target_readonly", BOOLEAN, "Whether the destination is restricted to reading.", table=6),
    field(
        "conflict_policy", TEXT, "What a conflict leads to: failure, the new data, or the old.",
        table=6, values=_CONFLICT_POLICIES,
    ),
    field(
        "filter_ddl_policy", TEXT,
        "Which DDL is filtered out; '' means none. drop_databasefilter_all, all of it, is the reference's spelling.",
        table=6, values=_DDL_POLICIES, empty=Empty.VALUE,
    ),
    field(
        "schema_type", TEXT, "How data is captured: primary/standby replication, log parsing or PostgreSQL backup.",
        table=6, values=_SCHEMA_TYPES,
    ),
    field(
        "node_num", INTEGER_OR_TEXT,
        "Number of nodes. Text in the reference, an integer in the vendor's client since 2024-10; both are accepted.",
        table=6,
    ),
    field("object_switch", BOOLEAN, "Whether objects are selected, rather than everything moved.", table=6),
    field("master_job_id", TEXT, "ID of the main task.", table=6),
    field("full_mode", TEXT, "Mode of the full snapshot; values not stated.", table=6),
    field("struct_trans", BOOLEAN, "Whether the structure is migrated.", table=6),
    field("index_trans", BOOLEAN, "Whether indexes are migrated.", table=6),
    field("replace_definer", BOOLEAN, "Whether the user of the destination replaces the definer.", table=6),
    field("migrate_user", BOOLEAN, "Whether users are migrated.", table=6),
    field("sync_database", BOOLEAN, "Whether whole databases are synchronized.", table=6),
    field("error_code", TEXT, "Error code of the task.", table=6),
    field("error_message", TEXT, "Error message; may quote connection strings.", table=6, free_text=True),
    field(
        "target_root_db_db_name", TEXT, "Name of the root node's database at the destination.",
        table=11, path="target_root_db.db_name",
    ),
    field(
        "target_root_db_db_encoding", TEXT, "Encoding of the root node's database at the destination.",
        table=11, path="target_root_db.db_encoding",
    ),
    field("az_code", TEXT, "AZ where the node is located, by its code; not a public AZ name.", table=6),
    field("vpc_id", TEXT, "VPC to which the node belongs.", table=6),
    field("subnet_id", TEXT, "Subnet where the node is located.", table=6),
    field("security_group_id", TEXT, "Security group to which the node belongs.", table=6),
    field("multi_write", BOOLEAN, "Whether this is a dual-active DR task.", table=6),
    field("support_ip_v6", BOOLEAN, "Whether IPv6 is supported.", table=6),
    field("inherit_id", TEXT, "ID of the task this one inherits from.", table=6),
    field("gtid", TEXT, "GTID set of the breakpoints.", table=6),
    field(
        "alarm_notify_topic_name", TEXT, "Name of the SMN topic that alarms go to.",
        table=12, path="alarm_notify.topic_name",
    ),
    field(
        "alarm_notify_delay_time", INTEGER, "Subscription delay; unit not stated.",
        table=12, path="alarm_notify.delay_time",
    ),
    field(
        "alarm_notify_rto_delay", INTEGER, "RTO delay that is notified; unit not stated.",
        table=12, path="alarm_notify.rto_delay",
    ),
    field(
        "alarm_notify_rpo_delay", INTEGER, "RPO delay that is notified; unit not stated.",
        table=12, path="alarm_notify.rpo_delay",
    ),
    field(
        "alarm_notify_alarm_to_user", BOOLEAN, "Whether users are notified of alarms.",
        table=12, path="alarm_notify.alarm_to_user",
    ),
    field("is_multi_az", BOOLEAN, "Whether this is a primary/standby task.", table=6),
    field("az_name", TEXT, "Name of the AZ where the node is located.", table=6),
    field("master_az", TEXT, "AZ of the primary, for a primary/standby task.", table=6),
    field("slave_az", TEXT, "AZ of the standby, for a primary/standby task.", table=6),
    field("node_role", TEXT, "Primary or standby role of the task; values not stated.", table=6),
    field(
        "incre_start_position", TEXT, "Where an incremental task starts in the log; format not stated.", table=6,
        free_text=True,
    ),
    field(
        "period_order_status", TEXT, "Status of the yearly/monthly order; the values are the vendor's client's.",
        table=14, path="period_order.status", values=_ORDERSTATUSES,
    ),
    field("period_order_order_id", TEXT, "ID of the yearly/monthly order.", table=14, path="period_order.order_id"),
    field(
        "period_order_charging_mode", INTEGER, "Billing: 0 yearly/monthly, 1 pay-per-use.",
        table=14, path="period_order.charging_mode", values=_CHARGING_MODES,
    ),
    field(
        "period_order_period_type", INTEGER, "What the subscription counts in: 2 months, 3 years.",
        table=14, path="period_order.period_type", values=(Value("2", "Months"), Value("3", "Years")),
    ),
    field(
        "period_order_period_num", INTEGER, "Number of periods subscribed: 1 to 9 months, or 1 to 3 years.",
        table=14, path="period_order.period_num",
    ),
    field(
        "period_order_is_auto_renew", BOOLEAN_NUMBER, "Whether the subscription renews itself.",
        table=14, path="period_order.is_auto_renew", values=("0", "1"),
    ),
    field(
        "period_order_eff_time", ISO_TIME, "When the resource took effect, which is when it was created; UTC.",
        table=14, path="period_order.eff_time",
    ),
    field(
        "period_order_exp_time", ISO_TIME, "When the resource expires, renewals included; UTC.",
        table=14, path="period_order.exp_time",
    ),
    field(
        "original_job_direction", TEXT,
        "Task direction, with job_direction's values; when the two differ is not stated.",
        table=6, values=_DIRECTIONS,
    ),
    field(
        "data_transformation_total_count", INTEGER, "Number of data filtering criteria; at most 10,000 are returned.",
        table=16, path="data_transformation.total_count",
    ),
    field("bind_public_ip_state", TEXT, "Whether an EIP was bound; values not stated.", table=6),
    field(
        "is_open_fast_clean", BOOLEAN, "Whether binlog clearing is enabled, for RDS for MySQL and RDS for MariaDB.",
        table=6,
    ),
    field(
        "job_kernel_direction", TEXT,
        "job_direction; the opposite of it during a DR switchover. In the vendor's client since 3.1.183 (2026-01).",
        table=None, values=("up", "down"),
    ),
    field(
        "sync_mode", TEXT, "Level at which data is synchronized. In the vendor's client since 3.1.218.",
        table=None, values=_SYNC_MODES,
    ),
    field(
        "issue_coupon", BOOLEAN, "Meaning not stated. Seen in an example of Open Telekom Cloud's reference alone.",
        table=None,
    ),
)  # fmt: skip


def is_deleted(status: Any) -> bool:
    """Return whether a job's status is DELETED, in upper or lower case (facts-2, 0)."""
    return isinstance(status, str) and status.upper() == "DELETED"
