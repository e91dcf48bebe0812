"""A small estate for reports: two sources, ten nights, one of them missed by one source, and something to find for each
report. What is to be found is named here, beside what makes it so.
"""

from pathlib import Path
from typing import Any

from inventory.config.settings import Source
from inventory.export.flow import export_source
from inventory.store.engine import Store
from tests.nights import Night, record, running

__all__ = ["DAYS", "NOW", "REPORTED", "export_night", "nights"]

Row = dict[str, Any]
DAYS = {"north": tuple(range(1, 11)), "south": (1, 2, 3, 4, 6, 7, 8, 9, 10)}  # of November: south missed a night
NOW = "2026-11-10T03:00Z"

# Report -> the jobs that its result is about on the last night, with the parameters that the tests give.
REPORTED = {
    "failed": {"n-failed", "n-child"},
    "stuck": {"n-stuck", "n-writable"},
    "no-tls": {"n-kafka", "n-plain"},
    "public": {"n-public"},
    "idle": {"n-idle"},
    "expiring": {"n-order"},
    "unowned": {"n-stuck", "n-kafka", "s-shared", "s-new"},
    "writable-target": {"n-writable"},
    "alarm-receivers": {"n-failed"},
    "shared-object": {"n-shared", "s-shared"},
    "lineage": {"n-child", "n-grandchild", "n-heir"},
    "gone": {"s-gone"},
    "new": {"s-new"},
    "filters": {"n-filters"},
    "speed-limits": {"n-filters"},
    "secrets-seen": {"n-secret"},
    "changed": {"n-failed", "n-plain", "n-child", "s-new"},
}


def _job(status: str, owner: str | None = "alice", **more: Any) -> Row:
    tags = [{"key": "owner", "value": owner}] if owner is not None else []
    return {
        "name": f"job {status.lower()}", "status": status, "create_time": "1793491200000", "tags": tags,
        "inst_info": {"engine_type": "mysql"}, "db_use_type": "sync", **more,
    }  # fmt: skip


def _end(ip: str, **more: Any) -> Row:
    return {"db_type": "mysql", "ip": ip, "db_port": 3306, "ssl_link": True, **more}


def nights(source: str) -> list[Night]:
    """Return the nights of a source; its jobs say by their names what they are for."""
    return [_north(day) if source == "north" else _south(day) for day in DAYS[source]]


def _north(day: int) -> Night:
    running_now = "INCRE_TRANSFER_STARTED"
    objects = [{"type": "table", "id": "shop-*-*-orders", "name": "orders", "select": "true"}]
    return {
        "n-failed": _job(
            "INCRE_TRANSFER_FAILED" if day >= 4 else running_now, "bob", error_code="DRS.M05018",
            failed_reason="=cmd|' /C calc'!A0",
            alarm_notify={"topic_name": "t", "subscriptions": [{"protocol": "email", "endpoints": ["a@example.com"]}]},
        ),
        "n-child": _job("FULL_TRANSFER_STARTED" if day < 9 else "FULL_TRANSFER_FAILED", None, parent_id="n-plain"),
        "n-grandchild": _job(running_now, None, parent_id="n-child"),
        "n-heir": _job(running_now, inherit_id="n-lost"),
        "n-stuck": _job("STARTJOBING", None),
        "n-kafka": _job(running_now, "", source_endpoint={
            "db_type": "kafka", "ip": "10.0.0.7:9092,10.0.0.8:9092", "kafka_security_config": {"type": "PLAINTEXT"},
        }),
        "n-plain": _job(running_now, source_endpoint=_end("10.0.0.9", ssl_link=day < 8), description="<b>|`\u202e"),
        "n-public": _job(running_now, net_type="eip", public_ip_list=[{"id": "e", "public_ip": "198.51.100.7"}]),
        "n-idle": _job("FULL_TRANSFER_COMPLETE", full_transfer_complete_time="1785542400000"),
        "n-order": _job(running_now, period_order={
            "charging_mode": 0, "is_auto_renew": 0, "exp_time": "2026-11-20T00:00:00Z", "order_id": "CS1",
        }),
        "n-writable": _job("CREATING", db_use_type="migration", is_target_readonly=False),
        "n-shared": _job(running_now, source_endpoint=_end("10.1.1.1"), object_infos=objects),
        "n-secret": _job(running_now, target_endpoint=_end("10.0.0.10", db_password="hunter2-secret")),
        "n-filters": _job(
            running_now,
            data_transformation={"filter_conditions": [{
                "data_transformation_object_infos": [{"id": "shop-*", "db_name": "shop", "table_name": "orders"}],
                "transformation_info": {"transformation_type": "contentConditionalFilter", "value": "x > 1"},
            }]},
            object_infos=[{"type": "table", "id": "shop-*-*-eu", "name": "eu", "alias_name": "europe"}],
            speed_limit=[{"begin": "22:00", "end": "05:00", "speed": "10"}],
        ),
        "n-ended": _job("RELEASE_RESOURCE_COMPLETE", None, source_endpoint=_end("10.1.1.1", ssl_link=False)),
    }  # fmt: skip


def _south(day: int) -> Night:
    objects = [{"type": "table", "id": "shop-*-*-orders", "name": "orders", "select": "true"}]
    found = {
        "s-shared": _job("INCRE_TRANSFER_STARTED", None, source_endpoint=_end("10.1.1.1"), object_infos=objects),
        "s-count": _job("INCRE_TRANSFER_STARTED", object_infos=[
            {"type": "table", "id": f"t-{number}", "name": f"t{number}"} for number in range(day)
        ]),
    }  # fmt: skip
    if day < 6:
        found["s-gone"] = _job("RELEASE_RESOURCE_STARTED", "carol")
    if day >= 7:
        found["s-new"] = _job("CONFIGURATION" if day < 10 else "STARTJOBING", None)
    return found


def export_night(store: Store, folder: Path, day: int) -> None:
    """Export a day of November: each source that was read on it."""
    for source, days in DAYS.items():
        if day in days:
            whole, at = nights(source), days.index(day)
            before = set(whole[at - 1]) if at else set()
            record(folder / source / str(at), whole[at], day, before - whole[at].keys())
            list(export_source(Source(source, replay=(folder / source / str(at),)), running(store)))
