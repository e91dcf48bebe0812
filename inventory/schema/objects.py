"""Tables 15 and 21 to 23: the objects that a job migrates, its tags, public IPs and sub-tasks."""

from inventory.schema.entities import entity
from inventory.schema.fields import Empty, Place, field
from inventory.schema.kinds import BOOLEAN_TEXT, TEXT

__all__ = ["CHILD_JOBS", "OBJECT_INFOS", "PUBLIC_IPS", "TAGS"]

_JOB = (("job_id",), ("id",))

OBJECT_INFOS = entity(
    "object_infos",
    "Databases, schemas, tables and views that a job moves (Table 15).",
    field("type", TEXT, "What it is.", table=15, values=("database", "table", "schema", "view"), key=True),
    field("id", TEXT, "The database's name, or its path: database-*-*-table.", table=15, key=True),
    field("parent_id", TEXT, "Name of the database that a table or view belongs to.", table=15),
    field("name", TEXT, "Name of the database, table or view.", table=15),
    field("alias_name", TEXT, "Name at the destination, where it is mapped to another.", table=15),
    field(
        "is_selected", BOOLEAN_TEXT,
        "Whether the object is moved; NULL, with partial in extra, where only some of what it holds is."
        " In the example response, absent from Table 15.",
        table=None, path="select", values=("true", "false", "partial"),
    ),
    places=[Place("object_infos")],
    foreign_key=_JOB,
)  # fmt: skip

TAGS = entity(
    "tags",
    "Task tags (Table 21); a free map {key: value}, as in the reference's example, gives a row for each member.",
    field("key", TEXT, "Tag key.", table=21, key=True),
    field(
        "value", TEXT, "Tag value; '' for a tag without one, where extra says if it came as null or not at all.",
        table=21, index=True, free_text=True, empty=Empty.DEFAULT,
    ),
    places=[Place("tags", pairs=True)],
    foreign_key=_JOB,
)  # fmt: skip

PUBLIC_IPS = entity(
    "public_ips",
    "EIPs specified for a job (Table 22).",
    field("id", TEXT, "ID of the EIP.", table=22, key=True),
    field("public_ip", TEXT, "The EIP itself.", table=22),
    field(
        "type", TEXT, "The task it is bound to: slave is the standby of a primary/standby task, master every other.",
        table=22, values=("master", "slave"),
    ),
    places=[Place("public_ip_list")],
    foreign_key=_JOB,
)  # fmt: skip

CHILD_JOBS = entity(
    "child_jobs",
    "Subtasks that an EIP could not be bound to (Table 23).",
    field("id", TEXT, "Subtask ID.", table=23, key=True),
    field("name", TEXT, "Subtask name.", table=23),
    places=[Place("children")],
    foreign_key=_JOB,
)
