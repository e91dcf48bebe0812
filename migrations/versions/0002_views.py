"""The views: every entity as of every snapshot, and how fresh each source is."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SQLITE = {
    "jobs_as_of": """
CREATE VIEW jobs_as_of AS
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.id,
       r.parent_id,
       r.name,
       r.status,
       r.description,
       r.create_time,
       r.task_type,
       r.net_type,
       r.failed_reason,
       r.inst_info_engine_type,
       r.inst_info_inst_type,
       r.inst_info_ip,
       r.inst_info_public_ip,
       r.inst_info_start_time,
       r.inst_info_status,
       r.inst_info_volume_size,
       r.actual_start_time,
       r.full_transfer_complete_time,
       r.update_time,
       r.job_direction,
       r.db_use_type,
       r.need_restart,
       r.is_target_readonly,
       r.conflict_policy,
       r.filter_ddl_policy,
       r.schema_type,
       r.node_num,
       r.object_switch,
       r.master_job_id,
       r.full_mode,
       r.struct_trans,
       r.index_trans,
       r.replace_definer,
       r.migrate_user,
       r.sync_database,
       r.error_code,
       r.error_message,
       r.target_root_db_db_name,
       r.target_root_db_db_encoding,
       r.az_code,
       r.vpc_id,
       r.subnet_id,
       r.security_group_id,
       r.multi_write,
       r.support_ip_v6,
       r.inherit_id,
       r.gtid,
       r.alarm_notify_topic_name,
       r.alarm_notify_delay_time,
       r.alarm_notify_rto_delay,
       r.alarm_notify_rpo_delay,
       r.alarm_notify_alarm_to_user,
       r.is_multi_az,
       r.az_name,
       r.master_az,
       r.slave_az,
       r.node_role,
       r.incre_start_position,
       r.period_order_status,
       r.period_order_order_id,
       r.period_order_charging_mode,
       r.period_order_period_type,
       r.period_order_period_num,
       r.period_order_is_auto_renew,
       r.period_order_eff_time,
       r.period_order_exp_time,
       r.original_job_direction,
       r.data_transformation_total_count,
       r.bind_public_ip_state,
       r.is_open_fast_clean,
       r.job_kernel_direction,
       r.sync_mode,
       r.issue_coupon,
       r.extra,
       r.valid_from
FROM jobs r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE +r.valid_from <= n.id
UNION ALL
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.id,
       r.parent_id,
       r.name,
       r.status,
       r.description,
       r.create_time,
       r.task_type,
       r.net_type,
       r.failed_reason,
       r.inst_info_engine_type,
       r.inst_info_inst_type,
       r.inst_info_ip,
       r.inst_info_public_ip,
       r.inst_info_start_time,
       r.inst_info_status,
       r.inst_info_volume_size,
       r.actual_start_time,
       r.full_transfer_complete_time,
       r.update_time,
       r.job_direction,
       r.db_use_type,
       r.need_restart,
       r.is_target_readonly,
       r.conflict_policy,
       r.filter_ddl_policy,
       r.schema_type,
       r.node_num,
       r.object_switch,
       r.master_job_id,
       r.full_mode,
       r.struct_trans,
       r.index_trans,
       r.replace_definer,
       r.migrate_user,
       r.sync_database,
       r.error_code,
       r.error_message,
       r.target_root_db_db_name,
       r.target_root_db_db_encoding,
       r.az_code,
       r.vpc_id,
       r.subnet_id,
       r.security_group_id,
       r.multi_write,
       r.support_ip_v6,
       r.inherit_id,
       r.gtid,
       r.alarm_notify_topic_name,
       r.alarm_notify_delay_time,
       r.alarm_notify_rto_delay,
       r.alarm_notify_rpo_delay,
       r.alarm_notify_alarm_to_user,
       r.is_multi_az,
       r.az_name,
       r.master_az,
       r.slave_az,
       r.node_role,
       r.incre_start_position,
       r.period_order_status,
       r.period_order_order_id,
       r.period_order_charging_mode,
       r.period_order_period_type,
       r.period_order_period_num,
       r.period_order_is_auto_renew,
       r.period_order_eff_time,
       r.period_order_exp_time,
       r.original_job_direction,
       r.data_transformation_total_count,
       r.bind_public_ip_state,
       r.is_open_fast_clean,
       r.job_kernel_direction,
       r.sync_mode,
       r.issue_coupon,
       r.extra,
       r.valid_from
FROM jobs_history r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE +r.valid_from <= n.id AND +r.valid_to > n.id
""",
    "endpoints_as_of": """
CREATE VIEW endpoints_as_of AS
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.role,
       r.item,
       r.occurrence,
       r.db_type,
       r.az_code,
       r.region,
       r.inst_id,
       r.vpc_id,
       r.subnet_id,
       r.security_group_id,
       r.project_id,
       r.db_name,
       r.db_password,
       r.db_port,
       r.db_user,
       r.inst_name,
       r.ip,
       r.mongo_ha_mode,
       r.safe_mode,
       r.ssl_cert_password,
       r.ssl_cert_check_sum,
       r.ssl_cert_key,
       r.ssl_cert_name,
       r.ssl_link,
       r.topic,
       r.cluster_mode,
       r.kafka_security_config_type,
       r.kafka_security_config_trust_store_key_name,
       r.kafka_security_config_trust_store_key,
       r.kafka_security_config_trust_store_password,
       r.kafka_security_config_endpoint_algorithm,
       r.kafka_security_config_sasl_mechanism,
       r.kafka_security_config_delegation_tokens,
       r.kafka_security_config_enable_key_store,
       r.kafka_security_config_key_store_key,
       r.kafka_security_config_key_store_key_name,
       r.kafka_security_config_key_store_password,
       r.kafka_security_config_set_private_key_password,
       r.kafka_security_config_key_password,
       r.extra,
       r.valid_from
FROM endpoints r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE +r.valid_from <= n.id
UNION ALL
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.role,
       r.item,
       r.occurrence,
       r.db_type,
       r.az_code,
       r.region,
       r.inst_id,
       r.vpc_id,
       r.subnet_id,
       r.security_group_id,
       r.project_id,
       r.db_name,
       r.db_password,
       r.db_port,
       r.db_user,
       r.inst_name,
       r.ip,
       r.mongo_ha_mode,
       r.safe_mode,
       r.ssl_cert_password,
       r.ssl_cert_check_sum,
       r.ssl_cert_key,
       r.ssl_cert_name,
       r.ssl_link,
       r.topic,
       r.cluster_mode,
       r.kafka_security_config_type,
       r.kafka_security_config_trust_store_key_name,
       r.kafka_security_config_trust_store_key,
       r.kafka_security_config_trust_store_password,
       r.kafka_security_config_endpoint_algorithm,
       r.kafka_security_config_sasl_mechanism,
       r.kafka_security_config_delegation_tokens,
       r.kafka_security_config_enable_key_store,
       r.kafka_security_config_key_store_key,
       r.kafka_security_config_key_store_key_name,
       r.kafka_security_config_key_store_password,
       r.kafka_security_config_set_private_key_password,
       r.kafka_security_config_key_password,
       r.extra,
       r.valid_from
FROM endpoints_history r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE +r.valid_from <= n.id AND +r.valid_to > n.id
""",
    "object_infos_as_of": """
CREATE VIEW object_infos_as_of AS
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.type,
       r.id,
       r.occurrence,
       r.parent_id,
       r.name,
       r.alias_name,
       r.is_selected,
       r.extra,
       r.valid_from
FROM object_infos r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE +r.valid_from <= n.id
UNION ALL
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.type,
       r.id,
       r.occurrence,
       r.parent_id,
       r.name,
       r.alias_name,
       r.is_selected,
       r.extra,
       r.valid_from
FROM object_infos_history r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE +r.valid_from <= n.id AND +r.valid_to > n.id
""",
    "tags_as_of": """
CREATE VIEW tags_as_of AS
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.key,
       r.occurrence,
       r.value,
       r.extra,
       r.valid_from
FROM tags r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE +r.valid_from <= n.id
UNION ALL
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.key,
       r.occurrence,
       r.value,
       r.extra,
       r.valid_from
FROM tags_history r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE +r.valid_from <= n.id AND +r.valid_to > n.id
""",
    "speed_limits_as_of": """
CREATE VIEW speed_limits_as_of AS
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.item,
       r.occurrence,
       r.begin_time,
       r.end_time,
       r.is_utc,
       r.speed,
       r.extra,
       r.valid_from
FROM speed_limits r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE +r.valid_from <= n.id
UNION ALL
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.item,
       r.occurrence,
       r.begin_time,
       r.end_time,
       r.is_utc,
       r.speed,
       r.extra,
       r.valid_from
FROM speed_limits_history r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE +r.valid_from <= n.id AND +r.valid_to > n.id
""",
    "alarm_subscriptions_as_of": """
CREATE VIEW alarm_subscriptions_as_of AS
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.item,
       r.occurrence,
       r.protocol,
       r.extra,
       r.valid_from
FROM alarm_subscriptions r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE +r.valid_from <= n.id
UNION ALL
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.item,
       r.occurrence,
       r.protocol,
       r.extra,
       r.valid_from
FROM alarm_subscriptions_history r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE +r.valid_from <= n.id AND +r.valid_to > n.id
""",
    "alarm_endpoints_as_of": """
CREATE VIEW alarm_endpoints_as_of AS
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.item,
       r.endpoint,
       r.occurrence,
       r.item_occurrence,
       r.extra,
       r.valid_from
FROM alarm_endpoints r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE +r.valid_from <= n.id
UNION ALL
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.item,
       r.endpoint,
       r.occurrence,
       r.item_occurrence,
       r.extra,
       r.valid_from
FROM alarm_endpoints_history r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE +r.valid_from <= n.id AND +r.valid_to > n.id
""",
    "filter_conditions_as_of": """
CREATE VIEW filter_conditions_as_of AS
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.item,
       r.occurrence,
       r.transformation_info_transformation_type,
       r.transformation_info_value,
       r.config_transformation_db_table_name,
       r.config_transformation_db_name,
       r.config_transformation_table_name,
       r.config_transformation_col_names,
       r.config_transformation_prim_key_or_index,
       r.config_transformation_indexs,
       r.config_transformation_values,
       r.extra,
       r.valid_from
FROM filter_conditions r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE +r.valid_from <= n.id
UNION ALL
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.item,
       r.occurrence,
       r.transformation_info_transformation_type,
       r.transformation_info_value,
       r.config_transformation_db_table_name,
       r.config_transformation_db_name,
       r.config_transformation_table_name,
       r.config_transformation_col_names,
       r.config_transformation_prim_key_or_index,
       r.config_transformation_indexs,
       r.config_transformation_values,
       r.extra,
       r.valid_from
FROM filter_conditions_history r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE +r.valid_from <= n.id AND +r.valid_to > n.id
""",
    "filter_object_infos_as_of": """
CREATE VIEW filter_object_infos_as_of AS
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.item,
       r.id,
       r.occurrence,
       r.item_occurrence,
       r.data_transformation_type,
       r.db_name,
       r.schema_name,
       r.table_name,
       r.extra,
       r.valid_from
FROM filter_object_infos r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE +r.valid_from <= n.id
UNION ALL
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.item,
       r.id,
       r.occurrence,
       r.item_occurrence,
       r.data_transformation_type,
       r.db_name,
       r.schema_name,
       r.table_name,
       r.extra,
       r.valid_from
FROM filter_object_infos_history r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE +r.valid_from <= n.id AND +r.valid_to > n.id
""",
    "public_ips_as_of": """
CREATE VIEW public_ips_as_of AS
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.id,
       r.occurrence,
       r.public_ip,
       r.type,
       r.extra,
       r.valid_from
FROM public_ips r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE +r.valid_from <= n.id
UNION ALL
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.id,
       r.occurrence,
       r.public_ip,
       r.type,
       r.extra,
       r.valid_from
FROM public_ips_history r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE +r.valid_from <= n.id AND +r.valid_to > n.id
""",
    "child_jobs_as_of": """
CREATE VIEW child_jobs_as_of AS
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.id,
       r.occurrence,
       r.name,
       r.extra,
       r.valid_from
FROM child_jobs r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE +r.valid_from <= n.id
UNION ALL
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.id,
       r.occurrence,
       r.name,
       r.extra,
       r.valid_from
FROM child_jobs_history r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE +r.valid_from <= n.id AND +r.valid_to > n.id
""",
    "job_listings_as_of": """
CREATE VIEW job_listings_as_of AS
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.occurrence,
       r.net_type,
       r.billing_tag,
       r.node_new_framework,
       r.parent_job_id,
       r.error_msg,
       r.extra,
       r.valid_from
FROM job_listings r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE +r.valid_from <= n.id
UNION ALL
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.occurrence,
       r.net_type,
       r.billing_tag,
       r.node_new_framework,
       r.parent_job_id,
       r.error_msg,
       r.extra,
       r.valid_from
FROM job_listings_history r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE +r.valid_from <= n.id AND +r.valid_to > n.id
""",
    "findings_as_of": """
CREATE VIEW findings_as_of AS
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.kind,
       r.path,
       r.occurrence,
       r.detail,
       r.extra,
       r.valid_from
FROM findings r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE +r.valid_from <= n.id
UNION ALL
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.kind,
       r.path,
       r.occurrence,
       r.detail,
       r.extra,
       r.valid_from
FROM findings_history r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE +r.valid_from <= n.id AND +r.valid_to > n.id
""",
    "freshness": """
CREATE VIEW freshness AS
SELECT s.id AS source_id, s.name AS source, max(n.id) AS snapshot_id,
       max(n.finished_at) AS finished_at, CAST(round((julianday('now') - julianday(max(n.finished_at))) * 86400) AS INTEGER) AS age_seconds
FROM sources s
LEFT JOIN snapshots n ON n.source_id = s.id AND n.status = 'complete'
WHERE s.retired_at IS NULL
GROUP BY s.id, s.name
""",
}
POSTGRESQL = {
    "jobs_as_of": """
CREATE VIEW jobs_as_of AS
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.id,
       r.parent_id,
       r.name,
       r.status,
       r.description,
       r.create_time,
       r.task_type,
       r.net_type,
       r.failed_reason,
       r.inst_info_engine_type,
       r.inst_info_inst_type,
       r.inst_info_ip,
       r.inst_info_public_ip,
       r.inst_info_start_time,
       r.inst_info_status,
       r.inst_info_volume_size,
       r.actual_start_time,
       r.full_transfer_complete_time,
       r.update_time,
       r.job_direction,
       r.db_use_type,
       r.need_restart,
       r.is_target_readonly,
       r.conflict_policy,
       r.filter_ddl_policy,
       r.schema_type,
       r.node_num,
       r.object_switch,
       r.master_job_id,
       r.full_mode,
       r.struct_trans,
       r.index_trans,
       r.replace_definer,
       r.migrate_user,
       r.sync_database,
       r.error_code,
       r.error_message,
       r.target_root_db_db_name,
       r.target_root_db_db_encoding,
       r.az_code,
       r.vpc_id,
       r.subnet_id,
       r.security_group_id,
       r.multi_write,
       r.support_ip_v6,
       r.inherit_id,
       r.gtid,
       r.alarm_notify_topic_name,
       r.alarm_notify_delay_time,
       r.alarm_notify_rto_delay,
       r.alarm_notify_rpo_delay,
       r.alarm_notify_alarm_to_user,
       r.is_multi_az,
       r.az_name,
       r.master_az,
       r.slave_az,
       r.node_role,
       r.incre_start_position,
       r.period_order_status,
       r.period_order_order_id,
       r.period_order_charging_mode,
       r.period_order_period_type,
       r.period_order_period_num,
       r.period_order_is_auto_renew,
       r.period_order_eff_time,
       r.period_order_exp_time,
       r.original_job_direction,
       r.data_transformation_total_count,
       r.bind_public_ip_state,
       r.is_open_fast_clean,
       r.job_kernel_direction,
       r.sync_mode,
       r.issue_coupon,
       r.extra,
       r.valid_from
FROM jobs r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE r.valid_from <= n.id
UNION ALL
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.id,
       r.parent_id,
       r.name,
       r.status,
       r.description,
       r.create_time,
       r.task_type,
       r.net_type,
       r.failed_reason,
       r.inst_info_engine_type,
       r.inst_info_inst_type,
       r.inst_info_ip,
       r.inst_info_public_ip,
       r.inst_info_start_time,
       r.inst_info_status,
       r.inst_info_volume_size,
       r.actual_start_time,
       r.full_transfer_complete_time,
       r.update_time,
       r.job_direction,
       r.db_use_type,
       r.need_restart,
       r.is_target_readonly,
       r.conflict_policy,
       r.filter_ddl_policy,
       r.schema_type,
       r.node_num,
       r.object_switch,
       r.master_job_id,
       r.full_mode,
       r.struct_trans,
       r.index_trans,
       r.replace_definer,
       r.migrate_user,
       r.sync_database,
       r.error_code,
       r.error_message,
       r.target_root_db_db_name,
       r.target_root_db_db_encoding,
       r.az_code,
       r.vpc_id,
       r.subnet_id,
       r.security_group_id,
       r.multi_write,
       r.support_ip_v6,
       r.inherit_id,
       r.gtid,
       r.alarm_notify_topic_name,
       r.alarm_notify_delay_time,
       r.alarm_notify_rto_delay,
       r.alarm_notify_rpo_delay,
       r.alarm_notify_alarm_to_user,
       r.is_multi_az,
       r.az_name,
       r.master_az,
       r.slave_az,
       r.node_role,
       r.incre_start_position,
       r.period_order_status,
       r.period_order_order_id,
       r.period_order_charging_mode,
       r.period_order_period_type,
       r.period_order_period_num,
       r.period_order_is_auto_renew,
       r.period_order_eff_time,
       r.period_order_exp_time,
       r.original_job_direction,
       r.data_transformation_total_count,
       r.bind_public_ip_state,
       r.is_open_fast_clean,
       r.job_kernel_direction,
       r.sync_mode,
       r.issue_coupon,
       r.extra,
       r.valid_from
FROM jobs_history r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE r.valid_from <= n.id AND r.valid_to > n.id
""",
    "endpoints_as_of": """
CREATE VIEW endpoints_as_of AS
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.role,
       r.item,
       r.occurrence,
       r.db_type,
       r.az_code,
       r.region,
       r.inst_id,
       r.vpc_id,
       r.subnet_id,
       r.security_group_id,
       r.project_id,
       r.db_name,
       r.db_password,
       r.db_port,
       r.db_user,
       r.inst_name,
       r.ip,
       r.mongo_ha_mode,
       r.safe_mode,
       r.ssl_cert_password,
       r.ssl_cert_check_sum,
       r.ssl_cert_key,
       r.ssl_cert_name,
       r.ssl_link,
       r.topic,
       r.cluster_mode,
       r.kafka_security_config_type,
       r.kafka_security_config_trust_store_key_name,
       r.kafka_security_config_trust_store_key,
       r.kafka_security_config_trust_store_password,
       r.kafka_security_config_endpoint_algorithm,
       r.kafka_security_config_sasl_mechanism,
       r.kafka_security_config_delegation_tokens,
       r.kafka_security_config_enable_key_store,
       r.kafka_security_config_key_store_key,
       r.kafka_security_config_key_store_key_name,
       r.kafka_security_config_key_store_password,
       r.kafka_security_config_set_private_key_password,
       r.kafka_security_config_key_password,
       r.extra,
       r.valid_from
FROM endpoints r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE r.valid_from <= n.id
UNION ALL
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.role,
       r.item,
       r.occurrence,
       r.db_type,
       r.az_code,
       r.region,
       r.inst_id,
       r.vpc_id,
       r.subnet_id,
       r.security_group_id,
       r.project_id,
       r.db_name,
       r.db_password,
       r.db_port,
       r.db_user,
       r.inst_name,
       r.ip,
       r.mongo_ha_mode,
       r.safe_mode,
       r.ssl_cert_password,
       r.ssl_cert_check_sum,
       r.ssl_cert_key,
       r.ssl_cert_name,
       r.ssl_link,
       r.topic,
       r.cluster_mode,
       r.kafka_security_config_type,
       r.kafka_security_config_trust_store_key_name,
       r.kafka_security_config_trust_store_key,
       r.kafka_security_config_trust_store_password,
       r.kafka_security_config_endpoint_algorithm,
       r.kafka_security_config_sasl_mechanism,
       r.kafka_security_config_delegation_tokens,
       r.kafka_security_config_enable_key_store,
       r.kafka_security_config_key_store_key,
       r.kafka_security_config_key_store_key_name,
       r.kafka_security_config_key_store_password,
       r.kafka_security_config_set_private_key_password,
       r.kafka_security_config_key_password,
       r.extra,
       r.valid_from
FROM endpoints_history r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE r.valid_from <= n.id AND r.valid_to > n.id
""",
    "object_infos_as_of": """
CREATE VIEW object_infos_as_of AS
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.type,
       r.id,
       r.occurrence,
       r.parent_id,
       r.name,
       r.alias_name,
       r.is_selected,
       r.extra,
       r.valid_from
FROM object_infos r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE r.valid_from <= n.id
UNION ALL
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.type,
       r.id,
       r.occurrence,
       r.parent_id,
       r.name,
       r.alias_name,
       r.is_selected,
       r.extra,
       r.valid_from
FROM object_infos_history r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE r.valid_from <= n.id AND r.valid_to > n.id
""",
    "tags_as_of": """
CREATE VIEW tags_as_of AS
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.key,
       r.occurrence,
       r.value,
       r.extra,
       r.valid_from
FROM tags r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE r.valid_from <= n.id
UNION ALL
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.key,
       r.occurrence,
       r.value,
       r.extra,
       r.valid_from
FROM tags_history r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE r.valid_from <= n.id AND r.valid_to > n.id
""",
    "speed_limits_as_of": """
CREATE VIEW speed_limits_as_of AS
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.item,
       r.occurrence,
       r.begin_time,
       r.end_time,
       r.is_utc,
       r.speed,
       r.extra,
       r.valid_from
FROM speed_limits r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE r.valid_from <= n.id
UNION ALL
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.item,
       r.occurrence,
       r.begin_time,
       r.end_time,
       r.is_utc,
       r.speed,
       r.extra,
       r.valid_from
FROM speed_limits_history r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE r.valid_from <= n.id AND r.valid_to > n.id
""",
    "alarm_subscriptions_as_of": """
CREATE VIEW alarm_subscriptions_as_of AS
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.item,
       r.occurrence,
       r.protocol,
       r.extra,
       r.valid_from
FROM alarm_subscriptions r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE r.valid_from <= n.id
UNION ALL
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.item,
       r.occurrence,
       r.protocol,
       r.extra,
       r.valid_from
FROM alarm_subscriptions_history r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE r.valid_from <= n.id AND r.valid_to > n.id
""",
    "alarm_endpoints_as_of": """
CREATE VIEW alarm_endpoints_as_of AS
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.item,
       r.endpoint,
       r.occurrence,
       r.item_occurrence,
       r.extra,
       r.valid_from
FROM alarm_endpoints r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE r.valid_from <= n.id
UNION ALL
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.item,
       r.endpoint,
       r.occurrence,
       r.item_occurrence,
       r.extra,
       r.valid_from
FROM alarm_endpoints_history r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE r.valid_from <= n.id AND r.valid_to > n.id
""",
    "filter_conditions_as_of": """
CREATE VIEW filter_conditions_as_of AS
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.item,
       r.occurrence,
       r.transformation_info_transformation_type,
       r.transformation_info_value,
       r.config_transformation_db_table_name,
       r.config_transformation_db_name,
       r.config_transformation_table_name,
       r.config_transformation_col_names,
       r.config_transformation_prim_key_or_index,
       r.config_transformation_indexs,
       r.config_transformation_values,
       r.extra,
       r.valid_from
FROM filter_conditions r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE r.valid_from <= n.id
UNION ALL
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.item,
       r.occurrence,
       r.transformation_info_transformation_type,
       r.transformation_info_value,
       r.config_transformation_db_table_name,
       r.config_transformation_db_name,
       r.config_transformation_table_name,
       r.config_transformation_col_names,
       r.config_transformation_prim_key_or_index,
       r.config_transformation_indexs,
       r.config_transformation_values,
       r.extra,
       r.valid_from
FROM filter_conditions_history r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE r.valid_from <= n.id AND r.valid_to > n.id
""",
    "filter_object_infos_as_of": """
CREATE VIEW filter_object_infos_as_of AS
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.item,
       r.id,
       r.occurrence,
       r.item_occurrence,
       r.data_transformation_type,
       r.db_name,
       r.schema_name,
       r.table_name,
       r.extra,
       r.valid_from
FROM filter_object_infos r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE r.valid_from <= n.id
UNION ALL
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.item,
       r.id,
       r.occurrence,
       r.item_occurrence,
       r.data_transformation_type,
       r.db_name,
       r.schema_name,
       r.table_name,
       r.extra,
       r.valid_from
FROM filter_object_infos_history r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE r.valid_from <= n.id AND r.valid_to > n.id
""",
    "public_ips_as_of": """
CREATE VIEW public_ips_as_of AS
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.id,
       r.occurrence,
       r.public_ip,
       r.type,
       r.extra,
       r.valid_from
FROM public_ips r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE r.valid_from <= n.id
UNION ALL
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.id,
       r.occurrence,
       r.public_ip,
       r.type,
       r.extra,
       r.valid_from
FROM public_ips_history r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE r.valid_from <= n.id AND r.valid_to > n.id
""",
    "child_jobs_as_of": """
CREATE VIEW child_jobs_as_of AS
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.id,
       r.occurrence,
       r.name,
       r.extra,
       r.valid_from
FROM child_jobs r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE r.valid_from <= n.id
UNION ALL
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.id,
       r.occurrence,
       r.name,
       r.extra,
       r.valid_from
FROM child_jobs_history r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE r.valid_from <= n.id AND r.valid_to > n.id
""",
    "job_listings_as_of": """
CREATE VIEW job_listings_as_of AS
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.occurrence,
       r.net_type,
       r.billing_tag,
       r.node_new_framework,
       r.parent_job_id,
       r.error_msg,
       r.extra,
       r.valid_from
FROM job_listings r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE r.valid_from <= n.id
UNION ALL
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.occurrence,
       r.net_type,
       r.billing_tag,
       r.node_new_framework,
       r.parent_job_id,
       r.error_msg,
       r.extra,
       r.valid_from
FROM job_listings_history r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE r.valid_from <= n.id AND r.valid_to > n.id
""",
    "findings_as_of": """
CREATE VIEW findings_as_of AS
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.kind,
       r.path,
       r.occurrence,
       r.detail,
       r.extra,
       r.valid_from
FROM findings r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE r.valid_from <= n.id
UNION ALL
SELECT n.id AS snapshot_id, s.name AS source,
       r.source_id,
       r.job_id,
       r.kind,
       r.path,
       r.occurrence,
       r.detail,
       r.extra,
       r.valid_from
FROM findings_history r
JOIN snapshots n ON n.source_id = r.source_id AND n.pruned_at IS NULL
JOIN sources s ON s.id = r.source_id
WHERE r.valid_from <= n.id AND r.valid_to > n.id
""",
    "freshness": """
CREATE VIEW freshness AS
SELECT s.id AS source_id, s.name AS source, max(n.id) AS snapshot_id,
       max(n.finished_at) AS finished_at, CAST(round(extract(epoch FROM now() - max(n.finished_at))) AS bigint) AS age_seconds
FROM sources s
LEFT JOIN snapshots n ON n.source_id = s.id AND n.status = 'complete'
WHERE s.retired_at IS NULL
GROUP BY s.id, s.name
""",
}


def upgrade() -> None:
    for statement in _views().values():
        op.execute(statement)


def downgrade() -> None:
    for name in reversed(_views()):
        op.execute(f"DROP VIEW {name}")


def _views() -> dict[str, str]:
    return SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL
