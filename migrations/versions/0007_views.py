"""As-of views that find a snapshot by a sub-query as well: the union stands inside, the snapshots outside."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

COLUMNS = {
    "jobs": """
        source_id id parent_id name status description create_time task_type net_type failed_reason
        inst_info_engine_type inst_info_inst_type inst_info_ip inst_info_public_ip inst_info_start_time
        inst_info_status inst_info_volume_size actual_start_time full_transfer_complete_time update_time job_direction
        db_use_type need_restart is_target_readonly conflict_policy filter_ddl_policy schema_type node_num
        object_switch master_job_id full_mode struct_trans index_trans replace_definer migrate_user sync_database
        error_code error_message target_root_db_db_name target_root_db_db_encoding az_code vpc_id subnet_id
        security_group_id multi_write support_ip_v6 inherit_id gtid alarm_notify_topic_name alarm_notify_delay_time
        alarm_notify_rto_delay alarm_notify_rpo_delay alarm_notify_alarm_to_user is_multi_az az_name master_az
        slave_az node_role incre_start_position period_order_status period_order_order_id period_order_charging_mode
        period_order_period_type period_order_period_num period_order_is_auto_renew period_order_eff_time
        period_order_exp_time original_job_direction data_transformation_total_count bind_public_ip_state
        is_open_fast_clean job_kernel_direction sync_mode issue_coupon extra valid_from
    """,
    "endpoints": """
        source_id job_id role item occurrence db_type az_code region inst_id vpc_id subnet_id security_group_id
        project_id db_name db_password db_port db_user inst_name ip mongo_ha_mode safe_mode ssl_cert_password
        ssl_cert_check_sum ssl_cert_key ssl_cert_name ssl_link topic cluster_mode kafka_security_config_type
        kafka_security_config_trust_store_key_name kafka_security_config_trust_store_key
        kafka_security_config_trust_store_password kafka_security_config_endpoint_algorithm
        kafka_security_config_sasl_mechanism kafka_security_config_delegation_tokens
        kafka_security_config_enable_key_store kafka_security_config_key_store_key
        kafka_security_config_key_store_key_name kafka_security_config_key_store_password
        kafka_security_config_set_private_key_password kafka_security_config_key_password extra valid_from
    """,
    "object_infos": "source_id job_id type id occurrence parent_id name alias_name is_selected extra valid_from",
    "tags": "source_id job_id key occurrence value extra valid_from",
    "speed_limits": "source_id job_id item occurrence begin_time end_time is_utc speed extra valid_from",
    "alarm_subscriptions": "source_id job_id item occurrence protocol extra valid_from",
    "alarm_endpoints": "source_id job_id item endpoint occurrence item_occurrence extra valid_from",
    "filter_conditions": """
        source_id job_id item occurrence transformation_info_transformation_type transformation_info_value
        config_transformation_db_table_name config_transformation_db_name config_transformation_table_name
        config_transformation_col_names config_transformation_prim_key_or_index config_transformation_indexs
        config_transformation_values extra valid_from
    """,
    "filter_object_infos": """
        source_id job_id item id occurrence item_occurrence data_transformation_type db_name schema_name table_name
        extra valid_from
    """,
    "public_ips": "source_id job_id id occurrence public_ip type extra valid_from",
    "child_jobs": "source_id job_id id occurrence name extra valid_from",
    "job_listings": "source_id job_id occurrence net_type billing_tag node_new_framework parent_job_id error_msg extra valid_from",
    "findings": "source_id job_id kind path occurrence detail extra valid_from",
}

SQLITE = """
CREATE VIEW {name}_as_of AS
SELECT n.id AS snapshot_id, s.name AS source,
       {given}
FROM (
  SELECT {columns}, 9223372036854775807 AS valid_to FROM {name} WHERE source_id IN (SELECT id FROM sources)
  UNION ALL
  SELECT {columns}, valid_to FROM {name}_history WHERE source_id IN (SELECT id FROM sources)
) r
CROSS JOIN snapshots n ON likely(+r.valid_from <= n.id) AND likely(+r.valid_to > n.id)
  AND +n.source_id = r.source_id AND n.pruned_at IS NULL
CROSS JOIN sources s ON s.id = n.source_id
"""

POSTGRESQL = """
CREATE OR REPLACE VIEW {name}_as_of AS
SELECT n.id AS snapshot_id, s.name AS source,
       {given}
FROM (
  SELECT {columns}, 9223372036854775807 AS valid_to FROM {name}
  UNION ALL
  SELECT {columns}, valid_to FROM {name}_history
) r
JOIN snapshots n ON (r.valid_from <= n.id) AND (r.valid_to > n.id)
  AND n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = n.source_id
"""

# As 0002 made them.
BEFORE = """
CREATE{or_replace} VIEW {name}_as_of AS
SELECT n.id AS snapshot_id, s.name AS source,
       {given}
FROM {name} r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE {plus}r.valid_from <= n.id
UNION ALL
SELECT n.id AS snapshot_id, s.name AS source,
       {given}
FROM {name}_history r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE {plus}r.valid_from <= n.id AND {plus}r.valid_to > n.id
"""


def upgrade() -> None:
    _replace(SQLITE if _is_sqlite() else POSTGRESQL)


def downgrade() -> None:
    words = {"or_replace": "", "plus": "+"} if _is_sqlite() else {"or_replace": " OR REPLACE", "plus": ""}
    _replace(BEFORE, **words)


def _replace(view: str, **words: str) -> None:
    """Replace each view; in place where the database can, so that rights and views of others stay."""
    for name, text in COLUMNS.items():
        names = text.split()
        if _is_sqlite():
            op.execute(f"DROP VIEW {name}_as_of")
        given = ",\n       ".join(f"r.{each}" for each in names)
        op.execute(view.format(name=name, columns=", ".join(names), given=given, **words).strip())


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
