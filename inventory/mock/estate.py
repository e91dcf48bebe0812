"""Create jobs as the service returns them: the same for the same seed, with every table of the reference in use.

A job depends only on the seed, its number and the count of objects, so a larger estate begins with the smaller one.
An estate of 24 jobs or more contains every field that the vendor's client knows.
"""

import zlib
from datetime import datetime, timedelta, timezone

from inventory.mock.parts import (
    EXTRAS,
    KINDS,
    NEWEST,
    PLANTED,
    PROJECT_ID,
    Job,
    Kind,
    Random,
    endpoints,
    objects,
    settings,
    shared_address,
)  # fmt: skip

__all__ = [
    "PLANTED",
    "PROJECT_ID",
    "STATUSES",
    "Job",
    "engine_type",
    "list_item",
    "make_estate",
    "make_job",
    "net_type",
    "sub_task",
    "sub_tasks",
]

JOB_INTERVAL = 600_000  # milliseconds: job after job is up to ten minutes older

# DELETED is left out: such a job counts as removed, so tests set it explicitly.
STATUSES = (
    ("INCRE_TRANSFER_STARTED",) * 12
    + ("FULL_TRANSFER_STARTED", "FULL_TRANSFER_COMPLETE", "RELEASE_RESOURCE_COMPLETE", "CONFIGURATION") * 2
    + ("CREATING", "CREATE_FAILED", "STARTJOBING", "WAITING_FOR_START", "START_JOB_FAILED", "PAUSING")
    + ("FULL_TRANSFER_FAILED", "INCRE_TRANSFER_FAILED", "RELEASE_RESOURCE_STARTED", "RELEASE_RESOURCE_FAILED")
    + ("REBUILD_NODE_STARTED", "REBUILD_NODE_FAILED", "CHANGE_JOB_STARTED", "CHANGE_JOB_FAILED")
    + ("CHILD_TRANSFER_STARTING", "CHILD_TRANSFER_STARTED", "CHILD_TRANSFER_COMPLETE", "CHILD_TRANSFER_FAILED")
    + ("RELEASE_CHILD_TRANSFER_STARTED", "RELEASE_CHILD_TRANSFER_COMPLETE")
    + ("NODE_UPGRADE_START", "NODE_UPGRADE_COMPLETE", "NODE_UPGRADE_FAILED")
)


def make_estate(count: int, seed: int = 1, objects: int = 5) -> dict[str, Job]:
    """Return `count` jobs by id, newest first, each with `objects` object infos.

    The order is that of the list API. Each call creates new objects.
    """
    jobs = (make_job(number, seed, objects) for number in range(count))
    return {job["id"]: job for job in jobs}


def make_job(number: int, seed: int = 1, size: int = 5) -> Job:
    """Return one job; a negative number gives a job that is newer than the estate."""
    rng = Random(f"{seed}/{number}")
    kind = KINDS[number % len(KINDS)]
    nodes = number % 3 + 1
    address = shared_address(number, seed)
    job = _base_fields(rng, kind, number) | endpoints(rng, kind, address, secret=number % 4 == 1)
    job |= settings(rng, kind, nodes if number % 2 else str(nodes))
    for every, at, make in EXTRAS:
        if number % every == at:
            job |= make(rng)
    if job["status"].endswith("FAILED"):
        job |= _failure_fields(rng, job)
    return job | {"object_switch": size > 0, "object_infos": objects(kind, size)}


def _base_fields(rng: Random, kind: Kind, number: int) -> Job:
    created = NEWEST - number * JOB_INTERVAL - rng.randrange(JOB_INTERVAL)
    started = created + rng.randrange(60_000, 600_000)
    job: Job = {
        "id": rng.job_id(kind.code),
        "name": f"DRS-{number:04d}-{kind.engine}",
        "status": rng.choice(STATUSES),
        "description": rng.choice(("", "", "订单库迁移", "nightly copy\nof the shop's orders")),
        "create_time": str(created),
        "task_type": "FULL_INCR_TRANS" if kind.use != "migration" else rng.choice(("FULL_INCR_TRANS", "FULL_TRANS")),
        "update_time": str(started - 414),
        "job_direction": rng.choice(("up", "up", "down", "non-dbs")),
        "db_use_type": kind.use,
    }
    job["original_job_direction"] = job["job_direction"]
    if job["status"] not in ("CREATING", "CREATE_FAILED", "CONFIGURATION", "WAITING_FOR_START"):
        job |= {"actual_start_time": str(started)}
    if job["status"].startswith(("FULL_TRANSFER_COMPLETE", "INCRE_", "RELEASE_")):
        job |= {"full_transfer_complete_time": str(started + rng.randrange(600_000, 9_000_000))}
    return job


def _failure_fields(rng: Random, job: Job) -> Job:
    end = job["source_endpoint"]
    url = f"jdbc:mysql://{end['ip']}?useSSL=false&password={rng.secret()}"
    reason = f"service LOGMANAGER failed, cause by: Unable to connect to DBMS: url={url} user={end['db_user']}"
    return {"error_code": "DRS.M05018", "error_message": reason, "failed_reason": reason}


LISTED_FIELDS = ("id", "name", "status", "description", "job_direction", "db_use_type", "task_type")
ACTIONS = ("START", "PAUSE", "RETRY", "RESET", "DELETE", "FREE_RESOURCE", "CLONE")


def list_item(job: Job) -> Job:
    """Return a job as the list API returns it: fewer fields, some of which only the list has.

    Sub-tasks are listed below their parent and are not in the estate; for their details see `sub_task`.
    """
    item = _listed(job)
    children = [item | {"id": child, "name": name} for child, name in sub_tasks(job)]
    return item | {"children": children} if children else item


def _listed(job: Job) -> Job:
    item = {name: job[name] for name in LISTED_FIELDS if name in job}
    item["create_time"] = _local_time(str(job.get("create_time", "")))
    item["engine_type"] = engine_type(job)
    item["net_type"] = net_type(job)
    item["billing_tag"] = "actual_start_time" in job
    item["node_newFramework"] = _stable_hash(job) % 3 == 0  # spelled like this by the service
    item["job_action"] = _job_actions(str(job.get("status")))
    if job.get("error_message"):
        item["error_msg"] = job["error_message"]
    return item


def engine_type(job: Job) -> str:
    """Return the engine type of a job; '' if it has none."""
    return str((job.get("inst_info") or {}).get("engine_type") or "")


def net_type(job: Job) -> str:
    """Return the network type of a job: few details have it, every list item does."""
    return str(job.get("net_type") or ("eip", "vpc", "vpn")[_stable_hash(job) % 3])


def sub_tasks(job: Job) -> list[tuple[str, str]]:
    """Return id and name of each sub-task that the list shows below a job."""
    named = [(child["id"], child["name"]) for child in job.get("children") or []]
    if named or not job.get("is_multi_az"):
        return named
    master = str(job.get("master_job_id") or job["id"])
    return [(master, f"{job['name']}-master"), (f"{_stable_hash(job):08x}{master[8:]}", f"{job['name']}-slave")]


def sub_task(parent: Job, child_id: str) -> Job:
    """Return a sub-task as batch-detail returns it, if it knows the id: a copy of the parent with its own name."""
    child = parent | {"id": child_id, "name": dict(sub_tasks(parent))[child_id], "parent_id": parent["id"]}
    return {name: value for name, value in child.items() if name not in ("children", "public_ip_list")}


def _stable_hash(job: Job) -> int:
    return zlib.crc32(str(job.get("id")).encode())


def _local_time(milliseconds: str) -> str:
    """Format a time as the list does: in UTC+8, without an offset."""
    if not milliseconds.isdecimal() or len(milliseconds) > 14:  # set by a test, not a time
        return milliseconds
    moment = datetime.fromtimestamp(int(milliseconds) / 1000, timezone(timedelta(hours=8)))
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _job_actions(status: str) -> Job:
    running = status.endswith(("_STARTED", "_COMPLETE"))
    available = [action for action in ACTIONS if running is (action in ("PAUSE", "FREE_RESOURCE", "CLONE"))]
    actions: Job = {"available_actions": available, "unavailable_actions": [a for a in ACTIONS if a not in available]}
    return actions | {"current_action": "START"} if status == "STARTJOBING" else actions
