"""The parts of a job: kinds of jobs, their endpoints, and the tables that only some jobs have.

Each part is generated at random, independently of the job's number and of the other parts; but some jobs read the same
database as another (`shared_address`), so that an object is in two jobs.
"""

import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = [
    "EXTRAS",
    "KINDS",
    "NEWEST",
    "PLANTED",
    "PROJECT_ID",
    "REGION",
    "Job",
    "Kind",
    "Random",
    "endpoints",
    "objects",
    "settings",
    "shared_address",
]

Job = dict[str, Any]

# The prefix of every secret in the estate: tests search all output for it, to find secrets that are not masked.
PLANTED = "Pl4ntedS3cret"
PROJECT_ID = "054ba152d480d55b2f5dc0069e7ddef0"
REGION = "cn-xianhz-1"
NEWEST = 1_767_225_600_000  # 2026-01-01 00:00:00 UTC in milliseconds


@dataclass(frozen=True)
class Kind:
    """A kind of job: its use, engine, source and target database; `code` is the end of its ids."""

    use: str
    engine: str
    source: str
    target: str
    code: str


KINDS = (
    Kind("migration", "mysql", "mysql", "mysql", "101"),
    Kind("sync", "mysql-to-kafka", "mysql", "kafka", "201"),
    Kind("sync", "postgresql", "postgresql", "postgresql", "20b"),
    Kind("cloudDataGuard", "cloudDataGuard-mysql", "mysql", "mysql", "301"),
    Kind("migration", "mongodb-to-dds", "mongodb", "mongodb", "102"),
    Kind("sync", "gaussdbv5ha-to-kafka", "gaussdbv5ha", "kafka", "20r"),
    Kind("sync", "oracle-to-gaussdbv5", "oracle", "gaussdbv5", "20c"),
)
PORTS = {"mysql": 3306, "kafka": 9093, "postgresql": 5432, "mongodb": 8635, "oracle": 1521}


class Random(random.Random):
    """Random values in the formats of the service: ids, addresses, secrets."""

    def hex(self, digits: int) -> str:
        """Return a hexadecimal number of this many digits."""
        return f"{self.getrandbits(4 * digits):0{digits}x}"

    def uuid(self) -> str:
        """Return an id in UUID form, as networks and EIPs have."""
        return "-".join(self.hex(digits) for digits in (8, 4, 4, 4, 12))

    def job_id(self, code: str) -> str:
        """Return a job id, which resembles a UUID but is not one."""
        return "-".join(self.hex(digits) for digits in (8, 4, 4, 4, 7)) + f"jb{code}"

    def ip(self, prefix: str = "192.168") -> str:
        """Return an IP address with a prefix of two numbers."""
        return f"{prefix}.{self.randrange(256)}.{self.randrange(1, 255)}"

    def secret(self) -> str:
        """Return a secret with the prefix `PLANTED`."""
        return PLANTED + self.hex(8)


def endpoints(rng: Random, kind: Kind, address: str | None, *, secret: bool) -> Job:
    """Return the endpoints.

    Args:
        address: of the source, in place of one of its own.
        secret: the source has its password, which the real service may never send.
    """
    both: Job = {"source_endpoint": _endpoint(rng, kind.source), "target_endpoint": _endpoint(rng, kind.target)}
    if address is not None:
        both["source_endpoint"]["ip"] = address
    both["target_endpoint"] |= _instance(rng, kind.target)
    if kind.source == "mongodb":
        both["source_endpoint"] |= {"mongo_ha_mode": "sharding", "cluster_mode": "Sharding4.0+"}
        both["source_sharding"] = [_endpoint(rng, "mongodb") for _ in range(3)]
    if kind.source == "oracle":
        both["source_endpoint"]["db_name"] = "ORCL"
    if kind.source == "gaussdbv5ha":
        both["dmq_endpoint"] = _endpoint(rng, "kafka") | {"topic": "dmq_orders"}
    if secret:
        both["source_endpoint"]["db_password"] = rng.secret()
    return both


def shared_address(number: int, seed: int) -> str | None:
    """Return the source's address of a job that reads the same database as another; None for the other jobs.

    Of each ten jobs two share theirs with another job, seven numbers away, so that both are of one kind.
    """
    place = number % 10
    if place not in (3, 6):
        return None
    value = zlib.crc32(f"{seed}/{number - 7 if place == 3 else number}".encode())
    return f"172.22.{value % 256}.{value // 256 % 254 + 1}"


def _endpoint(rng: Random, db_type: str) -> Job:
    end: Job = {
        "ip": rng.ip("172.22"),
        "region": REGION,
        "db_type": db_type,
        "db_port": PORTS.get(db_type, 8000),
        "ssl_link": False,
        "project_id": PROJECT_ID,
        "db_user": "root",
    }
    if db_type == "kafka":
        end["ip"] = ",".join(f"{rng.ip('172.22')}:9093" for _ in range(3))
        end |= {"topic": "orders", "safe_mode": 1, "kafka_security_config": _kafka(rng)}
    elif rng.random() < 0.4:
        end |= {"ssl_link": True, "ssl_cert_name": "ca.p12", "ssl_cert_check_sum": rng.hex(64)}
        end |= {"ssl_cert_key": rng.secret(), "ssl_cert_password": rng.secret()}
    return end


def _instance(rng: Random, db_type: str) -> Job:
    return {
        "inst_id": f"{rng.hex(32)}in{rng.randrange(1, 99):02d}",
        "inst_name": f"rds-{rng.hex(4)}-{db_type}",
        "az_code": "az2xahz",
        "vpc_id": rng.uuid(),
        "subnet_id": rng.uuid(),
        "security_group_id": rng.uuid(),
    }


def _kafka(rng: Random) -> Job:
    config: Job = {
        "type": rng.choice(("SASL_SSL", "SSL")),
        "trust_store_key_name": "trust.jks",
        "trust_store_key": rng.secret(),
        "trust_store_password": rng.secret(),
        "endpoint_algorithm": "",
        "enable_key_store": True,
        "key_store_key_name": "key.jks",
        "key_store_key": rng.secret(),
        "key_store_password": rng.secret(),
        "set_private_key_password": True,
        "key_password": rng.secret(),
    }
    return config | {"sasl_mechanism": "SCRAM-SHA-512", "delegation_tokens": False}


def settings(rng: Random, kind: Kind, nodes: int | str) -> Job:
    """Return the job's own fields; `nodes` is text in the reference and a number in the vendor's client."""
    return {
        "inst_info": _replication(rng, kind),
        "need_restart": False,
        "is_target_readonly": kind.use == "migration",
        "conflict_policy": rng.choice(("stop", "overwrite", "ignore")),
        "filter_ddl_policy": rng.choice(("", "drop_database")),
        "speed_limit": [],
        "schema_type": "PGBaseBackup" if kind.engine == "postgresql" else "Tungsten",
        "node_num": nodes,
        "full_mode": "default",
        "struct_trans": True,
        "index_trans": True,
        "replace_definer": True,
        "migrate_user": False,
        "sync_database": kind.use == "migration",
        "az_code": "az2xahz",
        "az_name": "AZ2",
        "vpc_id": rng.uuid(),
        "subnet_id": rng.uuid(),
        "security_group_id": rng.uuid(),
        "multi_write": False,
        "support_ip_v6": False,
        "is_multi_az": False,
        "is_open_fast_clean": kind.source == "mysql",
        "job_kernel_direction": "up",
        "sync_mode": "TABLE_LEVEL",
    }


def _replication(rng: Random, kind: Kind) -> Job:
    info: Job = {"engine_type": kind.engine, "inst_type": "high", "ip": rng.ip("172.16"), "volume_size": 100}
    info["start_time"] = rng.choice(("0", "0", str(NEWEST)))
    info["public_ip"] = rng.choice(("******", rng.ip("10.154")))
    status = rng.choice(("ACTIVE", "active", ""))
    return info | {"status": status} if status else info


def _speed_limit(rng: Random) -> Job:
    windows = [("00:00", "06:00", "50"), ("06:00", "23:59", str(rng.randrange(1, 9999)))]
    return {"speed_limit": [{"begin": b, "end": e, "is_utc": True, "speed": s} for b, e, s in windows]}


def _alarm(rng: Random) -> Job:
    sms = {"protocol": "sms", "endpoints": ["+8613800138000"]}
    email = {"protocol": "email", "endpoints": [f"ops-{rng.hex(2)}@example.com", "night@example.com"]}
    delays = {"delay_time": 60, "rto_delay": 120, "rpo_delay": 30}
    return {"alarm_notify": {"topic_name": "drs", "alarm_to_user": True, "subscriptions": [sms, email]} | delays}


def _order(rng: Random) -> Job:
    order: Job = {"status": "COMPLETED", "order_id": f"CS{rng.hex(12).upper()}", "charging_mode": 0}
    order |= {"period_type": 2, "period_num": rng.randrange(1, 9), "is_auto_renew": rng.randrange(2)}
    return {"period_order": order | {"eff_time": "2025-12-01T00:00:00Z", "exp_time": "2026-12-01T00:00:00Z"}}


def _transformation(rng: Random) -> Job:
    content, config = "contentConditionalFilter", "configConditionalFilter"
    columns = {"db_table_name": "db00.table0001", "db_name": "db00", "table_name": "table0001", "col_names": "id"}
    columns |= {"prim_key_or_index": "id", "indexs": "id", "values": f"id <= {rng.randrange(9)}"}
    filters: list[Job] = [_filter(content, "conditionFilter", f"id < {rng.randrange(1, 999)}")]
    filters.append(_filter(config, "configConditionFilter", "config") | {"config_transformation": columns})
    return {"data_transformation": {"total_count": len(filters), "filter_conditions": filters}}


def _filter(rule: str, word: str, value: str) -> Job:
    found = {"id": f"db00-*-*-table0001-*-*---{word}--", "data_transformation_type": rule}
    found |= {"db_name": "db00", "schema_name": "public", "table_name": "table0001"}
    info = {"transformation_type": rule, "value": value}
    return {"transformation_info": info, "data_transformation_object_infos": [found]}


def _tags(rng: Random) -> Job:
    return {"tags": [{"key": "stage", "value": rng.choice(("test", "prod"))}, {"key": "owner", "value": ""}]}


def _public_ips(rng: Random) -> Job:
    ips = [{"id": rng.uuid(), "public_ip": rng.ip("203.0"), "type": role} for role in ("master", "slave")]
    children = [{"id": rng.job_id("101"), "name": f"DRS-child-{part}"} for part in (1, 2)]
    return {"public_ip_list": ips, "bind_public_ip_state": "failed", "children": children}


def _two_zones(rng: Random) -> Job:
    zones = {"master_az": "AZ1", "slave_az": "AZ2", "node_role": "master"}
    return zones | {"is_multi_az": True, "master_job_id": rng.job_id("101")}


def _position(rng: Random) -> Job:
    position = {"incre_start_position": f"mysql-bin.{rng.randrange(999_999):06d}:197", "gtid": f"{rng.uuid()}:1-77"}
    return position | {"inherit_id": rng.job_id("101"), "parent_id": "", "net_type": "vpn"}


def _root_db(rng: Random) -> Job:
    return {"target_root_db": {"db_name": "postgres", "db_encoding": rng.choice(("UTF8", "GBK"))}}


# Interval and first number of the jobs that have a part. No interval shares a factor with the number of KINDS.
EXTRAS: tuple[tuple[int, int, Callable[[Random], Job]], ...] = (
    (3, 0, _tags),
    (3, 1, _speed_limit),
    (4, 2, _alarm),
    (4, 3, _transformation),
    (5, 1, _order),
    (5, 2, _position),
    (8, 5, _public_ips),
    (6, 4, _two_zones),
    (9, 2, _root_db),
)


def objects(kind: Kind, count: int) -> list[Job]:
    """Return objects: a database for each hundred, tables and views in it, and a schema for PostgreSQL."""
    return [_object(kind, number // 100, number % 100) for number in range(count)]


def _object(kind: Kind, database: int, number: int) -> Job:
    db_id = f"db{database:02d}"
    if number == 0:
        return {"id": db_id, "type": "database", "name": db_id, "select": "partial" if database % 2 else "true"}
    if number == 1 and kind.engine == "postgresql":
        return {"id": f"{db_id}-*-*-public", "type": "schema", "name": "public", "select": "true", "parent_id": db_id}
    object_type = "view" if number % 25 == 24 else "table"
    name = f"{object_type}{number:04d}"
    item = {"id": f"{db_id}-*-*-{name}", "type": object_type, "name": name, "select": "true", "parent_id": db_id}
    return item | {"alias_name": f"{name}_new"} if number % 4 == 3 else item
