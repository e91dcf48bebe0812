"""Tables 10 and 13: speed limits and alarm subscriptions of a job."""

from inventory.schema.entities import entity
from inventory.schema.fields import Place, field, item, item_occurrence, parent_item
from inventory.schema.kinds import BOOLEAN, INTEGER_TEXT, TEXT

__all__ = ["ALARM_ENDPOINTS", "ALARM_SUBSCRIPTIONS", "SPEED_LIMITS"]

_JOB = (("job_id",), ("id",))

SPEED_LIMITS = entity(
    "speed_limits",
    "Windows in which a job's speed is limited (Table 10).",
    item("begin", "end"),
    field("begin_time", TEXT, "Start of the window; format not stated.", table=10, path="begin"),
    field("end_time", TEXT, "End of the window; format not stated.", table=10, path="end"),
    field("is_utc", BOOLEAN, "Whether the window is in UTC; the zone where it is not is not stated.", table=10),
    field(
        "speed", INTEGER_TEXT, "The limit, 1 to 9999; range and unit are the vendor's client's.",
        table=10, unit="MB/s",
    ),
    places=[Place("speed_limit")],
    foreign_key=_JOB,
)  # fmt: skip

ALARM_SUBSCRIPTIONS = entity(
    "alarm_subscriptions",
    "Ways in which a job's alarms are sent (Table 13).",
    item("protocol"),
    field("protocol", TEXT, "Text message or e-mail.", table=13, values=("sms", "email")),
    places=[Place("alarm_notify.subscriptions")],
    foreign_key=_JOB,
)

ALARM_ENDPOINTS = entity(
    "alarm_endpoints",
    "Phone numbers and e-mail addresses that a job's alarms are sent to (Table 13).",
    parent_item("alarm_subscriptions"),
    field(
        "endpoint", TEXT, "Phone number or e-mail address, by the protocol.",
        table=13, path="[]", key=True, free_text=True,
    ),
    item_occurrence("alarm_subscriptions"),
    places=[Place("endpoints")],
    parent="alarm_subscriptions",
    foreign_key=(("job_id", "item", "item_occurrence"), ("job_id", "item", "occurrence")),
)  # fmt: skip
