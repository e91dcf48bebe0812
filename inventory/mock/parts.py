"""What a job is made of: kinds of jobs, their endpoints, and the tables that only some jobs have.

A part is drawn from dice and knows neither its job's number nor the other parts.
"""

import random
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
    "Dice",
    "Job",
    "Kind",
    "ends",
    "objects",
    "settings",
]

Job = dict[str, Any]

# Every secret of the estate begins so: what was meant to be masked can be searched for in any output.
PLANTED = "Pl4ntedS3cret"
PROJECT_ID = "054ba152d480d55b2f5dc0069e7ddef0"
REGION = "cn-xianhz-1"
NEWEST = 1_767_225_600_000  # 2026-01-01 00:00:00 UTC in milliseconds


@dataclass(frozen=True)
class Kind:
    """What a job is for, from which database to which; `code` ends its id."""

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


class Dice(random.Random):
    """Chance with the shapes of the service: ids, addresses, secrets."""

    def hex(self, digits: int) -> str:
        """Return so many hexadecimal digits."""
        return f"{self.getrandbits(4 * digits):0{digits}x}"

    def uuid(self) -> str:
        """Return an id in UUID form, as networks and EIPs have."""
        return "-".join(self.hex(digits) for digits in (8, 4, 4, 4, 12))

    def job_id(self, code: str) -> str:
        """Return a job id: it looks like a UUID and is none."""
        return "-".join(self.hex(digits) for digits in (8, 4, 4, 4, 7)) + f"jb{code}"

    def ip(self, prefix: str = "192.168") -> str:
        """Return an address below a prefix of two numbers."""
        return f"{prefix}.{self.randrange(256)}.{self.randrange(1, 255)}"

    def secret(self) -> str:
        """Return a secret that can be found again."""
        return PLANTED + self.hex(8)


def ends(dice: Dice, kind: Kind, *, secret: bool) -> Job:
    """Return the endpoints; with `secret` the source tells its password, as perhaps the service never does."""
    both: Job = {"source_endpoint": _endpoint(dice, kind.source), "target_endpoint": _endpoint(dice, kind.target)}
    both["target_endpoint"] |= _instance(dice, kind.target)
    if kind.source == "mongodb":
        both["source_endpoint"] |= {"mongo_ha_mode": "sharding", "cluster_mode": "Sharding4.0+"}
        both["source_sharding"] = [_endpoint(dice, "mongodb") for _ in range(3)]
    if kind.source == "oracle":
        both["source_endpoint"]["db_name"] = "ORCL"
    if kind.source == "gaussdbv5ha":
        both["dmq_endpoint"] = _endpoint(dice, "kafka") | {"topic": "dmq_orders"}
    if secret:
        both["source_endpoint"]["db_password"] = dice.secret()
    return both


def _endpoint(dice: Dice, db_type: str) -> Job:
    end: Job = {
        "ip": dice.ip("172.22"),
        "region": REGION,
        "db_type": db_type,
        "db_port": PORTS.get(db_type, 8000),
        "ssl_link": False,
        "project_id": PROJECT_ID,
        "db_user": "root",
    }
    if db_type == "kafka":
        end["ip"] = ",".join(f"{dice.ip('172.22')}:9093" for _ in range(3))
        end |= {"topic": "orders", "safe_mode": 1, "kafka_security_config": _kafka(dice)}
    elif dice.random() < 0.4:
        end |= {"ssl_link": True, "ssl_cert_name": "ca.p12", "ssl_cert_check_sum": dice.hex(64)}
        end |= {"ssl_cert_key": dice.secret(), "ssl_cert_password": dice.secret()}
    return end


def _instance(dice: Dice, db_type: str) -> Job:
    return {
        "inst_id": f"{dice.hex(32)}in{dice.randrange(1, 99):02d}",
        "inst_name": f"rds-{dice.hex(4)}-{db_type}",
        "az_code": "az2xahz",
        "vpc_id": dice.uuid(),
        "subnet_id": dice.uuid(),
        "security_group_id": dice.uuid(),
    }


def _kafka(dice: Dice) -> Job:
    config: Job = {
        "type": dice.choice(("SASL_SSL", "SSL")),
        "trust_store_key_name": "trust.jks",
        "trust_store_key": dice.secret(),
        "trust_store_password": dice.secret(),
        "endpoint_algorithm": "",
        "enable_key_store": True,
        "key_store_key_name": "key.jks",
        "key_store_key": dice.secret(),
        "key_store_password": dice.secret(),
        "set_private_key_password": True,
        "key_password": dice.secret(),
    }
    return config | {"sasl_mechanism": "SCRAM-SHA-512", "delegation_tokens": False}


def settings(dice: Dice, kind: Kind, nodes: int | str) -> Job:
    """Return the fields of the job itself; the reference has `nodes` as text, the vendor's client as a number."""
    return {
        "inst_info": _replication(dice, kind),
        "need_restart": False,
        "is_target_readonly": kind.use == "migration",
        "conflict_policy": dice.choice(("stop", "overwrite", "ignore")),
        "filter_ddl_policy": dice.choice(("", "drop_database")),
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
        "vpc_id": dice.uuid(),
        "subnet_id": dice.uuid(),
        "security_group_id": dice.uuid(),
        "multi_write": False,
        "support_ip_v6": False,
        "is_multi_az": False,
        "is_open_fast_clean": kind.source == "mysql",
        "job_kernel_direction": "up",
        "sync_mode": "TABLE_LEVEL",
    }


def _replication(dice: Dice, kind: Kind) -> Job:
    info: Job = {"engine_type": kind.engine, "inst_type": "high", "ip": dice.ip("172.16"), "volume_size": 100}
    info["start_time"] = dice.choice(("0", "0", str(NEWEST)))
    info["public_ip"] = dice.choice(("******", dice.ip("10.154")))
    status = dice.choice(("ACTIVE", "active", ""))
    return info | {"status": status} if status else info


def _speed_limit(dice: Dice) -> Job:
    windows = [("00:00", "06:00", "50"), ("06:00", "23:59", str(dice.randrange(1, 9999)))]
    return {"speed_limit": [{"begin": b, "end": e, "is_utc": True, "speed": s} for b, e, s in windows]}


def _alarm(dice: Dice) -> Job:
    sms = {"protocol": "sms", "endpoints": ["+8613800138000"]}
    email = {"protocol": "email", "endpoints": [f"ops-{dice.hex(2)}@example.com", "night@example.com"]}
    delays = {"delay_time": 60, "rto_delay": 120, "rpo_delay": 30}
    return {"alarm_notify": {"topic_name": "drs", "alarm_to_user": True, "subscriptions": [sms, email]} | delays}


def _order(dice: Dice) -> Job:
    order: Job = {"status": "COMPLETED", "order_id": f"CS{dice.hex(12).upper()}", "charging_mode": 0}
    order |= {"period_type": 2, "period_num": dice.randrange(1, 9), "is_auto_renew": dice.randrange(2)}
    return {"period_order": order | {"eff_time": "2025-12-01T00:00:00Z", "exp_time": "2026-12-01T00:00:00Z"}}


def _transformation(dice: Dice) -> Job:
    content, config = "contentConditionalFilter", "configConditionalFilter"
    columns = {"db_table_name": "db00.table0001", "db_name": "db00", "table_name": "table0001", "col_names": "id"}
    columns |= {"prim_key_or_index": "id", "indexs": "id", "values": f"id <= {dice.randrange(9)}"}
    filters: list[Job] = [_filter(content, "conditionFilter", f"id < {dice.randrange(1, 999)}")]
    filters.append(_filter(config, "configConditionFilter", "config") | {"config_transformation": columns})
    return {"data_transformation": {"total_count": len(filters), "filter_conditions": filters}}


def _filter(rule: str, word: str, value: str) -> Job:
    found = {"id": f"db00-*-*-table0001-*-*---{word}--", "data_transformation_type": rule}
    found |= {"db_name": "db00", "schema_name": "public", "table_name": "table0001"}
    info = {"transformation_type": rule, "value": value}
    return {"transformation_info": info, "data_transformation_object_infos": [found]}


def _tags(dice: Dice) -> Job:
    return {"tags": [{"key": "stage", "value": dice.choice(("test", "prod"))}, {"key": "owner", "value": ""}]}


def _public_ips(dice: Dice) -> Job:
    ips = [{"id": dice.uuid(), "public_ip": dice.ip("203.0"), "type": role} for role in ("master", "slave")]
    children = [{"id": dice.job_id("101"), "name": f"DRS-child-{part}"} for part in (1, 2)]
    return {"public_ip_list": ips, "bind_public_ip_state": "failed", "children": children}


def _two_zones(dice: Dice) -> Job:
    zones = {"master_az": "AZ1", "slave_az": "AZ2", "node_role": "master"}
    return zones | {"is_multi_az": True, "master_job_id": dice.job_id("101")}


def _position(dice: Dice) -> Job:
    position = {"incre_start_position": f"mysql-bin.{dice.randrange(999_999):06d}:197", "gtid": f"{dice.uuid()}:1-77"}
    return position | {"inherit_id": dice.job_id("101"), "parent_id": "", "net_type": "vpn"}


def _root_db(dice: Dice) -> Job:
    return {"target_root_db": {"db_name": "postgres", "db_encoding": dice.choice(("UTF8", "GBK"))}}


# Every so manieth job, from which on, has what. The numbers share no factor with KINDS, so all mix with all.
EXTRAS: tuple[tuple[int, int, Callable[[Dice], Job]], ...] = (
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
    """Return one database for each hundred objects with tables and views in it; PostgreSQL has a schema too."""
    return [_object(kind, number // 100, number % 100) for number in range(count)]


def _object(kind: Kind, database: int, number: int) -> Job:
    home = f"db{database:02d}"
    if number == 0:
        return {"id": home, "type": "database", "name": home, "select": "partial" if database % 2 else "true"}
    if number == 1 and kind.engine == "postgresql":
        return {"id": f"{home}-*-*-public", "type": "schema", "name": "public", "select": "true", "parent_id": home}
    shape = "view" if number % 25 == 24 else "table"
    name = f"{shape}{number:04d}"
    item = {"id": f"{home}-*-*-{name}", "type": shape, "name": name, "select": "true", "parent_id": home}
    return item | {"alias_name": f"{name}_new"} if number % 4 == 3 else item
