"""The tables that are not in the reference: listings (from the list API), findings, and the digests of jobs."""

from inventory.schema.entities import entity, proof
from inventory.schema.fields import field, own
from inventory.schema.jobs import STATUSES
from inventory.schema.kinds import BOOLEAN, BYTES, TEXT

__all__ = ["FINDINGS", "JOB_DIGESTS", "JOB_LISTINGS", "LISTED_ELSEWHERE", "LISTED_TOO"]

JOB_LISTINGS = entity(
    "job_listings",
    "What only the list API says of a job or subtask; in no table of the reference.",
    field(
        "net_type", TEXT, "Network between the databases, as the list API says it.",
        table=None, values=("vpn", "vpc", "eip"),
    ),
    field("name", TEXT, "Task name; only where the task itself was not read: else jobs.name.", table=None),
    field(
        "status", TEXT, "Status; only where the task itself was not read: else jobs.status.",
        table=None, values=STATUSES,
    ),
    field("billing_tag", BOOLEAN, "Billing tag; meaning not stated. In the list API alone.", table=None),
    field(
        "node_new_framework", BOOLEAN, "Whether the node has the new framework; what that is, is not stated.",
        table=None, path="node_newFramework",
    ),
    own("parent_job_id", TEXT, "The task in whose children the list API names this one; NULL for a task of its own"),
    field(
        "error_msg", TEXT, "Error message, as the list API says it; may quote connection strings.",
        table=None, free_text=True,
    ),
)  # fmt: skip

# Members of a listing that batch-detail has too: dropped if the details were read, otherwise kept: in a column of
# the same name if there is one, else in `extra`.
LISTED_TOO = frozenset(
    "name status create_time description engine_type job_direction db_use_type task_type".split()  # noqa: SIM905
)
# Not stored: the id is the key, children become rows, and job_action follows from the status.
LISTED_ELSEWHERE = frozenset({"id", "children", "job_action"})

FINDINGS = entity(
    "findings",
    "What was not as documented, kept with its evidence.",
    own("kind", TEXT, "unknown_field, unknown_value, wrong_type, repeated_key, absent_job, …", key=True),
    own("path", TEXT, "Where, without positions: object_infos[].name; '' for a job as a whole", key=True),
    own("detail", TEXT, "What was found, and what was expected; nothing that changes by itself"),
)

JOB_DIGESTS = proof(
    "internal_job_digests",
    "The digest of each job, and of its rows: so that verify can name the row that was altered.",
    own("digest", TEXT, "SHA-256 over the sorted digests of its rows, in hex", nullable=False),
    own(
        "row_digests", BYTES,
        "Table and key of each of its rows: zlib, a line a row; behind it the first 3 bytes of each row's digest",
        nullable=False, follows=True,
    ),
)  # fmt: skip
