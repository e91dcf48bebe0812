"""History that can be proven: digests of jobs and rows, append-only tables, the view of changes, and its indexes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TEXT as PG_TEXT

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(PG_TEXT(collation="C"), "postgresql")  # sorts by code point, as SQLite does
LATER = sa.text("valid_from > 1")

TABLES = ['jobs', 'endpoints', 'object_infos', 'tags', 'speed_limits', 'alarm_subscriptions', 'alarm_endpoints', 'filter_conditions', 'filter_object_infos', 'public_ips', 'child_jobs']

SQLITE = {
    "changes": """
CREATE VIEW changes AS
WITH steps AS (
  SELECT n.source_id, s.name AS source, n.observed_to, n.finished_at, n.id AS to_id,
         coalesce(lag(n.id) OVER (PARTITION BY n.source_id ORDER BY n.id), 0) AS from_id
  FROM snapshots n JOIN sources s ON s.id = n.source_id
  WHERE n.pruned_at IS NULL
)
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'jobs' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM jobs_history o WHERE o.source_id = r.source_id AND o.id = r.id AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.id AS job_id, json_object('id', r.id) AS key
FROM steps t JOIN jobs r ON r.source_id = t.source_id
WHERE t.from_id = 0 AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM jobs_history o WHERE o.source_id = r.source_id AND o.id = r.id AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.parent_id IS r.parent_id AND o.name IS r.name AND o.status IS r.status AND o.description IS r.description AND o.create_time IS r.create_time AND o.task_type IS r.task_type AND o.net_type IS r.net_type AND o.failed_reason IS r.failed_reason AND o.inst_info_engine_type IS r.inst_info_engine_type AND o.inst_info_inst_type IS r.inst_info_inst_type AND o.inst_info_ip IS r.inst_info_ip AND o.inst_info_public_ip IS r.inst_info_public_ip AND o.inst_info_start_time IS r.inst_info_start_time AND o.inst_info_status IS r.inst_info_status AND o.inst_info_volume_size IS r.inst_info_volume_size AND o.actual_start_time IS r.actual_start_time AND o.full_transfer_complete_time IS r.full_transfer_complete_time AND o.update_time IS r.update_time AND o.job_direction IS r.job_direction AND o.db_use_type IS r.db_use_type AND o.need_restart IS r.need_restart AND o.is_target_readonly IS r.is_target_readonly AND o.conflict_policy IS r.conflict_policy AND o.filter_ddl_policy IS r.filter_ddl_policy AND o.schema_type IS r.schema_type AND o.node_num IS r.node_num AND o.object_switch IS r.object_switch AND o.master_job_id IS r.master_job_id AND o.full_mode IS r.full_mode AND o.struct_trans IS r.struct_trans AND o.index_trans IS r.index_trans AND o.replace_definer IS r.replace_definer AND o.migrate_user IS r.migrate_user AND o.sync_database IS r.sync_database AND o.error_code IS r.error_code AND o.error_message IS r.error_message AND o.target_root_db_db_name IS r.target_root_db_db_name AND o.target_root_db_db_encoding IS r.target_root_db_db_encoding AND o.az_code IS r.az_code AND o.vpc_id IS r.vpc_id AND o.subnet_id IS r.subnet_id AND o.security_group_id IS r.security_group_id AND o.multi_write IS r.multi_write AND o.support_ip_v6 IS r.support_ip_v6 AND o.inherit_id IS r.inherit_id AND o.gtid IS r.gtid AND o.alarm_notify_topic_name IS r.alarm_notify_topic_name AND o.alarm_notify_delay_time IS r.alarm_notify_delay_time AND o.alarm_notify_rto_delay IS r.alarm_notify_rto_delay AND o.alarm_notify_rpo_delay IS r.alarm_notify_rpo_delay AND o.alarm_notify_alarm_to_user IS r.alarm_notify_alarm_to_user AND o.is_multi_az IS r.is_multi_az AND o.az_name IS r.az_name AND o.master_az IS r.master_az AND o.slave_az IS r.slave_az AND o.node_role IS r.node_role AND o.incre_start_position IS r.incre_start_position AND o.period_order_status IS r.period_order_status AND o.period_order_order_id IS r.period_order_order_id AND o.period_order_charging_mode IS r.period_order_charging_mode AND o.period_order_period_type IS r.period_order_period_type AND o.period_order_period_num IS r.period_order_period_num AND o.period_order_is_auto_renew IS r.period_order_is_auto_renew AND o.period_order_eff_time IS r.period_order_eff_time AND o.period_order_exp_time IS r.period_order_exp_time AND o.original_job_direction IS r.original_job_direction AND o.data_transformation_total_count IS r.data_transformation_total_count AND o.bind_public_ip_state IS r.bind_public_ip_state AND o.is_open_fast_clean IS r.is_open_fast_clean AND o.job_kernel_direction IS r.job_kernel_direction AND o.sync_mode IS r.sync_mode AND o.issue_coupon IS r.issue_coupon AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'jobs' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM jobs_history o WHERE o.source_id = r.source_id AND o.id = r.id AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.id AS job_id, json_object('id', r.id) AS key
FROM steps t JOIN jobs r ON r.source_id = t.source_id
WHERE t.from_id > 0 AND r.valid_from > 1 AND r.valid_from > t.from_id AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM jobs_history o WHERE o.source_id = r.source_id AND o.id = r.id AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.parent_id IS r.parent_id AND o.name IS r.name AND o.status IS r.status AND o.description IS r.description AND o.create_time IS r.create_time AND o.task_type IS r.task_type AND o.net_type IS r.net_type AND o.failed_reason IS r.failed_reason AND o.inst_info_engine_type IS r.inst_info_engine_type AND o.inst_info_inst_type IS r.inst_info_inst_type AND o.inst_info_ip IS r.inst_info_ip AND o.inst_info_public_ip IS r.inst_info_public_ip AND o.inst_info_start_time IS r.inst_info_start_time AND o.inst_info_status IS r.inst_info_status AND o.inst_info_volume_size IS r.inst_info_volume_size AND o.actual_start_time IS r.actual_start_time AND o.full_transfer_complete_time IS r.full_transfer_complete_time AND o.update_time IS r.update_time AND o.job_direction IS r.job_direction AND o.db_use_type IS r.db_use_type AND o.need_restart IS r.need_restart AND o.is_target_readonly IS r.is_target_readonly AND o.conflict_policy IS r.conflict_policy AND o.filter_ddl_policy IS r.filter_ddl_policy AND o.schema_type IS r.schema_type AND o.node_num IS r.node_num AND o.object_switch IS r.object_switch AND o.master_job_id IS r.master_job_id AND o.full_mode IS r.full_mode AND o.struct_trans IS r.struct_trans AND o.index_trans IS r.index_trans AND o.replace_definer IS r.replace_definer AND o.migrate_user IS r.migrate_user AND o.sync_database IS r.sync_database AND o.error_code IS r.error_code AND o.error_message IS r.error_message AND o.target_root_db_db_name IS r.target_root_db_db_name AND o.target_root_db_db_encoding IS r.target_root_db_db_encoding AND o.az_code IS r.az_code AND o.vpc_id IS r.vpc_id AND o.subnet_id IS r.subnet_id AND o.security_group_id IS r.security_group_id AND o.multi_write IS r.multi_write AND o.support_ip_v6 IS r.support_ip_v6 AND o.inherit_id IS r.inherit_id AND o.gtid IS r.gtid AND o.alarm_notify_topic_name IS r.alarm_notify_topic_name AND o.alarm_notify_delay_time IS r.alarm_notify_delay_time AND o.alarm_notify_rto_delay IS r.alarm_notify_rto_delay AND o.alarm_notify_rpo_delay IS r.alarm_notify_rpo_delay AND o.alarm_notify_alarm_to_user IS r.alarm_notify_alarm_to_user AND o.is_multi_az IS r.is_multi_az AND o.az_name IS r.az_name AND o.master_az IS r.master_az AND o.slave_az IS r.slave_az AND o.node_role IS r.node_role AND o.incre_start_position IS r.incre_start_position AND o.period_order_status IS r.period_order_status AND o.period_order_order_id IS r.period_order_order_id AND o.period_order_charging_mode IS r.period_order_charging_mode AND o.period_order_period_type IS r.period_order_period_type AND o.period_order_period_num IS r.period_order_period_num AND o.period_order_is_auto_renew IS r.period_order_is_auto_renew AND o.period_order_eff_time IS r.period_order_eff_time AND o.period_order_exp_time IS r.period_order_exp_time AND o.original_job_direction IS r.original_job_direction AND o.data_transformation_total_count IS r.data_transformation_total_count AND o.bind_public_ip_state IS r.bind_public_ip_state AND o.is_open_fast_clean IS r.is_open_fast_clean AND o.job_kernel_direction IS r.job_kernel_direction AND o.sync_mode IS r.sync_mode AND o.issue_coupon IS r.issue_coupon AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'jobs' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM jobs_history o WHERE o.source_id = r.source_id AND o.id = r.id AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.id AS job_id, json_object('id', r.id) AS key
FROM steps t JOIN jobs_history r ON r.source_id = t.source_id
WHERE r.valid_from > t.from_id AND r.valid_from <= t.to_id AND r.valid_to > t.to_id AND NOT EXISTS (SELECT 1 FROM jobs_history o WHERE o.source_id = r.source_id AND o.id = r.id AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.parent_id IS r.parent_id AND o.name IS r.name AND o.status IS r.status AND o.description IS r.description AND o.create_time IS r.create_time AND o.task_type IS r.task_type AND o.net_type IS r.net_type AND o.failed_reason IS r.failed_reason AND o.inst_info_engine_type IS r.inst_info_engine_type AND o.inst_info_inst_type IS r.inst_info_inst_type AND o.inst_info_ip IS r.inst_info_ip AND o.inst_info_public_ip IS r.inst_info_public_ip AND o.inst_info_start_time IS r.inst_info_start_time AND o.inst_info_status IS r.inst_info_status AND o.inst_info_volume_size IS r.inst_info_volume_size AND o.actual_start_time IS r.actual_start_time AND o.full_transfer_complete_time IS r.full_transfer_complete_time AND o.update_time IS r.update_time AND o.job_direction IS r.job_direction AND o.db_use_type IS r.db_use_type AND o.need_restart IS r.need_restart AND o.is_target_readonly IS r.is_target_readonly AND o.conflict_policy IS r.conflict_policy AND o.filter_ddl_policy IS r.filter_ddl_policy AND o.schema_type IS r.schema_type AND o.node_num IS r.node_num AND o.object_switch IS r.object_switch AND o.master_job_id IS r.master_job_id AND o.full_mode IS r.full_mode AND o.struct_trans IS r.struct_trans AND o.index_trans IS r.index_trans AND o.replace_definer IS r.replace_definer AND o.migrate_user IS r.migrate_user AND o.sync_database IS r.sync_database AND o.error_code IS r.error_code AND o.error_message IS r.error_message AND o.target_root_db_db_name IS r.target_root_db_db_name AND o.target_root_db_db_encoding IS r.target_root_db_db_encoding AND o.az_code IS r.az_code AND o.vpc_id IS r.vpc_id AND o.subnet_id IS r.subnet_id AND o.security_group_id IS r.security_group_id AND o.multi_write IS r.multi_write AND o.support_ip_v6 IS r.support_ip_v6 AND o.inherit_id IS r.inherit_id AND o.gtid IS r.gtid AND o.alarm_notify_topic_name IS r.alarm_notify_topic_name AND o.alarm_notify_delay_time IS r.alarm_notify_delay_time AND o.alarm_notify_rto_delay IS r.alarm_notify_rto_delay AND o.alarm_notify_rpo_delay IS r.alarm_notify_rpo_delay AND o.alarm_notify_alarm_to_user IS r.alarm_notify_alarm_to_user AND o.is_multi_az IS r.is_multi_az AND o.az_name IS r.az_name AND o.master_az IS r.master_az AND o.slave_az IS r.slave_az AND o.node_role IS r.node_role AND o.incre_start_position IS r.incre_start_position AND o.period_order_status IS r.period_order_status AND o.period_order_order_id IS r.period_order_order_id AND o.period_order_charging_mode IS r.period_order_charging_mode AND o.period_order_period_type IS r.period_order_period_type AND o.period_order_period_num IS r.period_order_period_num AND o.period_order_is_auto_renew IS r.period_order_is_auto_renew AND o.period_order_eff_time IS r.period_order_eff_time AND o.period_order_exp_time IS r.period_order_exp_time AND o.original_job_direction IS r.original_job_direction AND o.data_transformation_total_count IS r.data_transformation_total_count AND o.bind_public_ip_state IS r.bind_public_ip_state AND o.is_open_fast_clean IS r.is_open_fast_clean AND o.job_kernel_direction IS r.job_kernel_direction AND o.sync_mode IS r.sync_mode AND o.issue_coupon IS r.issue_coupon AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'jobs' AS table_name,
       'delete' AS action, r.id AS job_id, json_object('id', r.id) AS key
FROM steps t JOIN jobs_history r ON r.source_id = t.source_id
WHERE r.valid_from <= t.from_id AND r.valid_to > t.from_id AND r.valid_to <= t.to_id
  AND NOT EXISTS (SELECT 1 FROM jobs o WHERE o.source_id = r.source_id AND o.id = r.id AND o.valid_from > t.from_id AND o.valid_from <= t.to_id)
  AND NOT EXISTS (SELECT 1 FROM jobs_history o WHERE o.source_id = r.source_id AND o.id = r.id AND o.valid_from > t.from_id AND o.valid_from <= t.to_id AND o.valid_to > t.to_id)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'endpoints' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM endpoints_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.role = r.role AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'role', r.role, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN endpoints r ON r.source_id = t.source_id
WHERE t.from_id = 0 AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM endpoints_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.role = r.role AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.db_type IS r.db_type AND o.az_code IS r.az_code AND o.region IS r.region AND o.inst_id IS r.inst_id AND o.vpc_id IS r.vpc_id AND o.subnet_id IS r.subnet_id AND o.security_group_id IS r.security_group_id AND o.project_id IS r.project_id AND o.db_name IS r.db_name AND o.db_password IS r.db_password AND o.db_port IS r.db_port AND o.db_user IS r.db_user AND o.inst_name IS r.inst_name AND o.ip IS r.ip AND o.mongo_ha_mode IS r.mongo_ha_mode AND o.safe_mode IS r.safe_mode AND o.ssl_cert_password IS r.ssl_cert_password AND o.ssl_cert_check_sum IS r.ssl_cert_check_sum AND o.ssl_cert_key IS r.ssl_cert_key AND o.ssl_cert_name IS r.ssl_cert_name AND o.ssl_link IS r.ssl_link AND o.topic IS r.topic AND o.cluster_mode IS r.cluster_mode AND o.kafka_security_config_type IS r.kafka_security_config_type AND o.kafka_security_config_trust_store_key_name IS r.kafka_security_config_trust_store_key_name AND o.kafka_security_config_trust_store_key IS r.kafka_security_config_trust_store_key AND o.kafka_security_config_trust_store_password IS r.kafka_security_config_trust_store_password AND o.kafka_security_config_endpoint_algorithm IS r.kafka_security_config_endpoint_algorithm AND o.kafka_security_config_sasl_mechanism IS r.kafka_security_config_sasl_mechanism AND o.kafka_security_config_delegation_tokens IS r.kafka_security_config_delegation_tokens AND o.kafka_security_config_enable_key_store IS r.kafka_security_config_enable_key_store AND o.kafka_security_config_key_store_key IS r.kafka_security_config_key_store_key AND o.kafka_security_config_key_store_key_name IS r.kafka_security_config_key_store_key_name AND o.kafka_security_config_key_store_password IS r.kafka_security_config_key_store_password AND o.kafka_security_config_set_private_key_password IS r.kafka_security_config_set_private_key_password AND o.kafka_security_config_key_password IS r.kafka_security_config_key_password AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'endpoints' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM endpoints_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.role = r.role AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'role', r.role, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN endpoints r ON r.source_id = t.source_id
WHERE t.from_id > 0 AND r.valid_from > 1 AND r.valid_from > t.from_id AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM endpoints_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.role = r.role AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.db_type IS r.db_type AND o.az_code IS r.az_code AND o.region IS r.region AND o.inst_id IS r.inst_id AND o.vpc_id IS r.vpc_id AND o.subnet_id IS r.subnet_id AND o.security_group_id IS r.security_group_id AND o.project_id IS r.project_id AND o.db_name IS r.db_name AND o.db_password IS r.db_password AND o.db_port IS r.db_port AND o.db_user IS r.db_user AND o.inst_name IS r.inst_name AND o.ip IS r.ip AND o.mongo_ha_mode IS r.mongo_ha_mode AND o.safe_mode IS r.safe_mode AND o.ssl_cert_password IS r.ssl_cert_password AND o.ssl_cert_check_sum IS r.ssl_cert_check_sum AND o.ssl_cert_key IS r.ssl_cert_key AND o.ssl_cert_name IS r.ssl_cert_name AND o.ssl_link IS r.ssl_link AND o.topic IS r.topic AND o.cluster_mode IS r.cluster_mode AND o.kafka_security_config_type IS r.kafka_security_config_type AND o.kafka_security_config_trust_store_key_name IS r.kafka_security_config_trust_store_key_name AND o.kafka_security_config_trust_store_key IS r.kafka_security_config_trust_store_key AND o.kafka_security_config_trust_store_password IS r.kafka_security_config_trust_store_password AND o.kafka_security_config_endpoint_algorithm IS r.kafka_security_config_endpoint_algorithm AND o.kafka_security_config_sasl_mechanism IS r.kafka_security_config_sasl_mechanism AND o.kafka_security_config_delegation_tokens IS r.kafka_security_config_delegation_tokens AND o.kafka_security_config_enable_key_store IS r.kafka_security_config_enable_key_store AND o.kafka_security_config_key_store_key IS r.kafka_security_config_key_store_key AND o.kafka_security_config_key_store_key_name IS r.kafka_security_config_key_store_key_name AND o.kafka_security_config_key_store_password IS r.kafka_security_config_key_store_password AND o.kafka_security_config_set_private_key_password IS r.kafka_security_config_set_private_key_password AND o.kafka_security_config_key_password IS r.kafka_security_config_key_password AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'endpoints' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM endpoints_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.role = r.role AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'role', r.role, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN endpoints_history r ON r.source_id = t.source_id
WHERE r.valid_from > t.from_id AND r.valid_from <= t.to_id AND r.valid_to > t.to_id AND NOT EXISTS (SELECT 1 FROM endpoints_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.role = r.role AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.db_type IS r.db_type AND o.az_code IS r.az_code AND o.region IS r.region AND o.inst_id IS r.inst_id AND o.vpc_id IS r.vpc_id AND o.subnet_id IS r.subnet_id AND o.security_group_id IS r.security_group_id AND o.project_id IS r.project_id AND o.db_name IS r.db_name AND o.db_password IS r.db_password AND o.db_port IS r.db_port AND o.db_user IS r.db_user AND o.inst_name IS r.inst_name AND o.ip IS r.ip AND o.mongo_ha_mode IS r.mongo_ha_mode AND o.safe_mode IS r.safe_mode AND o.ssl_cert_password IS r.ssl_cert_password AND o.ssl_cert_check_sum IS r.ssl_cert_check_sum AND o.ssl_cert_key IS r.ssl_cert_key AND o.ssl_cert_name IS r.ssl_cert_name AND o.ssl_link IS r.ssl_link AND o.topic IS r.topic AND o.cluster_mode IS r.cluster_mode AND o.kafka_security_config_type IS r.kafka_security_config_type AND o.kafka_security_config_trust_store_key_name IS r.kafka_security_config_trust_store_key_name AND o.kafka_security_config_trust_store_key IS r.kafka_security_config_trust_store_key AND o.kafka_security_config_trust_store_password IS r.kafka_security_config_trust_store_password AND o.kafka_security_config_endpoint_algorithm IS r.kafka_security_config_endpoint_algorithm AND o.kafka_security_config_sasl_mechanism IS r.kafka_security_config_sasl_mechanism AND o.kafka_security_config_delegation_tokens IS r.kafka_security_config_delegation_tokens AND o.kafka_security_config_enable_key_store IS r.kafka_security_config_enable_key_store AND o.kafka_security_config_key_store_key IS r.kafka_security_config_key_store_key AND o.kafka_security_config_key_store_key_name IS r.kafka_security_config_key_store_key_name AND o.kafka_security_config_key_store_password IS r.kafka_security_config_key_store_password AND o.kafka_security_config_set_private_key_password IS r.kafka_security_config_set_private_key_password AND o.kafka_security_config_key_password IS r.kafka_security_config_key_password AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'endpoints' AS table_name,
       'delete' AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'role', r.role, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN endpoints_history r ON r.source_id = t.source_id
WHERE r.valid_from <= t.from_id AND r.valid_to > t.from_id AND r.valid_to <= t.to_id
  AND NOT EXISTS (SELECT 1 FROM endpoints o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.role = r.role AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id)
  AND NOT EXISTS (SELECT 1 FROM endpoints_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.role = r.role AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id AND o.valid_to > t.to_id)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'object_infos' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM object_infos_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.type = r.type AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'type', r.type, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN object_infos r ON r.source_id = t.source_id
WHERE t.from_id = 0 AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM object_infos_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.type = r.type AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.parent_id IS r.parent_id AND o.name IS r.name AND o.alias_name IS r.alias_name AND o.is_selected IS r.is_selected AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'object_infos' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM object_infos_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.type = r.type AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'type', r.type, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN object_infos r ON r.source_id = t.source_id
WHERE t.from_id > 0 AND r.valid_from > 1 AND r.valid_from > t.from_id AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM object_infos_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.type = r.type AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.parent_id IS r.parent_id AND o.name IS r.name AND o.alias_name IS r.alias_name AND o.is_selected IS r.is_selected AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'object_infos' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM object_infos_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.type = r.type AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'type', r.type, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN object_infos_history r ON r.source_id = t.source_id
WHERE r.valid_from > t.from_id AND r.valid_from <= t.to_id AND r.valid_to > t.to_id AND NOT EXISTS (SELECT 1 FROM object_infos_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.type = r.type AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.parent_id IS r.parent_id AND o.name IS r.name AND o.alias_name IS r.alias_name AND o.is_selected IS r.is_selected AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'object_infos' AS table_name,
       'delete' AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'type', r.type, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN object_infos_history r ON r.source_id = t.source_id
WHERE r.valid_from <= t.from_id AND r.valid_to > t.from_id AND r.valid_to <= t.to_id
  AND NOT EXISTS (SELECT 1 FROM object_infos o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.type = r.type AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id)
  AND NOT EXISTS (SELECT 1 FROM object_infos_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.type = r.type AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id AND o.valid_to > t.to_id)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'tags' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM tags_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.key = r.key AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'key', r.key, 'occurrence', r.occurrence) AS key
FROM steps t JOIN tags r ON r.source_id = t.source_id
WHERE t.from_id = 0 AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM tags_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.key = r.key AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.value IS r.value AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'tags' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM tags_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.key = r.key AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'key', r.key, 'occurrence', r.occurrence) AS key
FROM steps t JOIN tags r ON r.source_id = t.source_id
WHERE t.from_id > 0 AND r.valid_from > 1 AND r.valid_from > t.from_id AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM tags_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.key = r.key AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.value IS r.value AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'tags' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM tags_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.key = r.key AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'key', r.key, 'occurrence', r.occurrence) AS key
FROM steps t JOIN tags_history r ON r.source_id = t.source_id
WHERE r.valid_from > t.from_id AND r.valid_from <= t.to_id AND r.valid_to > t.to_id AND NOT EXISTS (SELECT 1 FROM tags_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.key = r.key AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.value IS r.value AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'tags' AS table_name,
       'delete' AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'key', r.key, 'occurrence', r.occurrence) AS key
FROM steps t JOIN tags_history r ON r.source_id = t.source_id
WHERE r.valid_from <= t.from_id AND r.valid_to > t.from_id AND r.valid_to <= t.to_id
  AND NOT EXISTS (SELECT 1 FROM tags o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.key = r.key AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id)
  AND NOT EXISTS (SELECT 1 FROM tags_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.key = r.key AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id AND o.valid_to > t.to_id)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'speed_limits' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM speed_limits_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN speed_limits r ON r.source_id = t.source_id
WHERE t.from_id = 0 AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM speed_limits_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.begin_time IS r.begin_time AND o.end_time IS r.end_time AND o.is_utc IS r.is_utc AND o.speed IS r.speed AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'speed_limits' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM speed_limits_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN speed_limits r ON r.source_id = t.source_id
WHERE t.from_id > 0 AND r.valid_from > 1 AND r.valid_from > t.from_id AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM speed_limits_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.begin_time IS r.begin_time AND o.end_time IS r.end_time AND o.is_utc IS r.is_utc AND o.speed IS r.speed AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'speed_limits' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM speed_limits_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN speed_limits_history r ON r.source_id = t.source_id
WHERE r.valid_from > t.from_id AND r.valid_from <= t.to_id AND r.valid_to > t.to_id AND NOT EXISTS (SELECT 1 FROM speed_limits_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.begin_time IS r.begin_time AND o.end_time IS r.end_time AND o.is_utc IS r.is_utc AND o.speed IS r.speed AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'speed_limits' AS table_name,
       'delete' AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN speed_limits_history r ON r.source_id = t.source_id
WHERE r.valid_from <= t.from_id AND r.valid_to > t.from_id AND r.valid_to <= t.to_id
  AND NOT EXISTS (SELECT 1 FROM speed_limits o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id)
  AND NOT EXISTS (SELECT 1 FROM speed_limits_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id AND o.valid_to > t.to_id)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'alarm_subscriptions' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM alarm_subscriptions_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN alarm_subscriptions r ON r.source_id = t.source_id
WHERE t.from_id = 0 AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM alarm_subscriptions_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.protocol IS r.protocol AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'alarm_subscriptions' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM alarm_subscriptions_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN alarm_subscriptions r ON r.source_id = t.source_id
WHERE t.from_id > 0 AND r.valid_from > 1 AND r.valid_from > t.from_id AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM alarm_subscriptions_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.protocol IS r.protocol AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'alarm_subscriptions' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM alarm_subscriptions_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN alarm_subscriptions_history r ON r.source_id = t.source_id
WHERE r.valid_from > t.from_id AND r.valid_from <= t.to_id AND r.valid_to > t.to_id AND NOT EXISTS (SELECT 1 FROM alarm_subscriptions_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.protocol IS r.protocol AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'alarm_subscriptions' AS table_name,
       'delete' AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN alarm_subscriptions_history r ON r.source_id = t.source_id
WHERE r.valid_from <= t.from_id AND r.valid_to > t.from_id AND r.valid_to <= t.to_id
  AND NOT EXISTS (SELECT 1 FROM alarm_subscriptions o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id)
  AND NOT EXISTS (SELECT 1 FROM alarm_subscriptions_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id AND o.valid_to > t.to_id)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'alarm_endpoints' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM alarm_endpoints_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.endpoint = r.endpoint AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'item', r.item, 'endpoint', r.endpoint, 'occurrence', r.occurrence) AS key
FROM steps t JOIN alarm_endpoints r ON r.source_id = t.source_id
WHERE t.from_id = 0 AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM alarm_endpoints_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.endpoint = r.endpoint AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.item_occurrence IS r.item_occurrence AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'alarm_endpoints' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM alarm_endpoints_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.endpoint = r.endpoint AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'item', r.item, 'endpoint', r.endpoint, 'occurrence', r.occurrence) AS key
FROM steps t JOIN alarm_endpoints r ON r.source_id = t.source_id
WHERE t.from_id > 0 AND r.valid_from > 1 AND r.valid_from > t.from_id AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM alarm_endpoints_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.endpoint = r.endpoint AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.item_occurrence IS r.item_occurrence AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'alarm_endpoints' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM alarm_endpoints_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.endpoint = r.endpoint AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'item', r.item, 'endpoint', r.endpoint, 'occurrence', r.occurrence) AS key
FROM steps t JOIN alarm_endpoints_history r ON r.source_id = t.source_id
WHERE r.valid_from > t.from_id AND r.valid_from <= t.to_id AND r.valid_to > t.to_id AND NOT EXISTS (SELECT 1 FROM alarm_endpoints_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.endpoint = r.endpoint AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.item_occurrence IS r.item_occurrence AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'alarm_endpoints' AS table_name,
       'delete' AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'item', r.item, 'endpoint', r.endpoint, 'occurrence', r.occurrence) AS key
FROM steps t JOIN alarm_endpoints_history r ON r.source_id = t.source_id
WHERE r.valid_from <= t.from_id AND r.valid_to > t.from_id AND r.valid_to <= t.to_id
  AND NOT EXISTS (SELECT 1 FROM alarm_endpoints o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.endpoint = r.endpoint AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id)
  AND NOT EXISTS (SELECT 1 FROM alarm_endpoints_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.endpoint = r.endpoint AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id AND o.valid_to > t.to_id)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'filter_conditions' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM filter_conditions_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN filter_conditions r ON r.source_id = t.source_id
WHERE t.from_id = 0 AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM filter_conditions_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.transformation_info_transformation_type IS r.transformation_info_transformation_type AND o.transformation_info_value IS r.transformation_info_value AND o.config_transformation_db_table_name IS r.config_transformation_db_table_name AND o.config_transformation_db_name IS r.config_transformation_db_name AND o.config_transformation_table_name IS r.config_transformation_table_name AND o.config_transformation_col_names IS r.config_transformation_col_names AND o.config_transformation_prim_key_or_index IS r.config_transformation_prim_key_or_index AND o.config_transformation_indexs IS r.config_transformation_indexs AND o.config_transformation_values IS r.config_transformation_values AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'filter_conditions' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM filter_conditions_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN filter_conditions r ON r.source_id = t.source_id
WHERE t.from_id > 0 AND r.valid_from > 1 AND r.valid_from > t.from_id AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM filter_conditions_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.transformation_info_transformation_type IS r.transformation_info_transformation_type AND o.transformation_info_value IS r.transformation_info_value AND o.config_transformation_db_table_name IS r.config_transformation_db_table_name AND o.config_transformation_db_name IS r.config_transformation_db_name AND o.config_transformation_table_name IS r.config_transformation_table_name AND o.config_transformation_col_names IS r.config_transformation_col_names AND o.config_transformation_prim_key_or_index IS r.config_transformation_prim_key_or_index AND o.config_transformation_indexs IS r.config_transformation_indexs AND o.config_transformation_values IS r.config_transformation_values AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'filter_conditions' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM filter_conditions_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN filter_conditions_history r ON r.source_id = t.source_id
WHERE r.valid_from > t.from_id AND r.valid_from <= t.to_id AND r.valid_to > t.to_id AND NOT EXISTS (SELECT 1 FROM filter_conditions_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.transformation_info_transformation_type IS r.transformation_info_transformation_type AND o.transformation_info_value IS r.transformation_info_value AND o.config_transformation_db_table_name IS r.config_transformation_db_table_name AND o.config_transformation_db_name IS r.config_transformation_db_name AND o.config_transformation_table_name IS r.config_transformation_table_name AND o.config_transformation_col_names IS r.config_transformation_col_names AND o.config_transformation_prim_key_or_index IS r.config_transformation_prim_key_or_index AND o.config_transformation_indexs IS r.config_transformation_indexs AND o.config_transformation_values IS r.config_transformation_values AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'filter_conditions' AS table_name,
       'delete' AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN filter_conditions_history r ON r.source_id = t.source_id
WHERE r.valid_from <= t.from_id AND r.valid_to > t.from_id AND r.valid_to <= t.to_id
  AND NOT EXISTS (SELECT 1 FROM filter_conditions o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id)
  AND NOT EXISTS (SELECT 1 FROM filter_conditions_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id AND o.valid_to > t.to_id)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'filter_object_infos' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM filter_object_infos_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'item', r.item, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN filter_object_infos r ON r.source_id = t.source_id
WHERE t.from_id = 0 AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM filter_object_infos_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.item_occurrence IS r.item_occurrence AND o.data_transformation_type IS r.data_transformation_type AND o.db_name IS r.db_name AND o.schema_name IS r.schema_name AND o.table_name IS r.table_name AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'filter_object_infos' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM filter_object_infos_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'item', r.item, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN filter_object_infos r ON r.source_id = t.source_id
WHERE t.from_id > 0 AND r.valid_from > 1 AND r.valid_from > t.from_id AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM filter_object_infos_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.item_occurrence IS r.item_occurrence AND o.data_transformation_type IS r.data_transformation_type AND o.db_name IS r.db_name AND o.schema_name IS r.schema_name AND o.table_name IS r.table_name AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'filter_object_infos' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM filter_object_infos_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'item', r.item, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN filter_object_infos_history r ON r.source_id = t.source_id
WHERE r.valid_from > t.from_id AND r.valid_from <= t.to_id AND r.valid_to > t.to_id AND NOT EXISTS (SELECT 1 FROM filter_object_infos_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.item_occurrence IS r.item_occurrence AND o.data_transformation_type IS r.data_transformation_type AND o.db_name IS r.db_name AND o.schema_name IS r.schema_name AND o.table_name IS r.table_name AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'filter_object_infos' AS table_name,
       'delete' AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'item', r.item, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN filter_object_infos_history r ON r.source_id = t.source_id
WHERE r.valid_from <= t.from_id AND r.valid_to > t.from_id AND r.valid_to <= t.to_id
  AND NOT EXISTS (SELECT 1 FROM filter_object_infos o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id)
  AND NOT EXISTS (SELECT 1 FROM filter_object_infos_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id AND o.valid_to > t.to_id)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'public_ips' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM public_ips_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN public_ips r ON r.source_id = t.source_id
WHERE t.from_id = 0 AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM public_ips_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.public_ip IS r.public_ip AND o.type IS r.type AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'public_ips' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM public_ips_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN public_ips r ON r.source_id = t.source_id
WHERE t.from_id > 0 AND r.valid_from > 1 AND r.valid_from > t.from_id AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM public_ips_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.public_ip IS r.public_ip AND o.type IS r.type AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'public_ips' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM public_ips_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN public_ips_history r ON r.source_id = t.source_id
WHERE r.valid_from > t.from_id AND r.valid_from <= t.to_id AND r.valid_to > t.to_id AND NOT EXISTS (SELECT 1 FROM public_ips_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.public_ip IS r.public_ip AND o.type IS r.type AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'public_ips' AS table_name,
       'delete' AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN public_ips_history r ON r.source_id = t.source_id
WHERE r.valid_from <= t.from_id AND r.valid_to > t.from_id AND r.valid_to <= t.to_id
  AND NOT EXISTS (SELECT 1 FROM public_ips o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id)
  AND NOT EXISTS (SELECT 1 FROM public_ips_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id AND o.valid_to > t.to_id)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'child_jobs' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM child_jobs_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN child_jobs r ON r.source_id = t.source_id
WHERE t.from_id = 0 AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM child_jobs_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.name IS r.name AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'child_jobs' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM child_jobs_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN child_jobs r ON r.source_id = t.source_id
WHERE t.from_id > 0 AND r.valid_from > 1 AND r.valid_from > t.from_id AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM child_jobs_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.name IS r.name AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'child_jobs' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM child_jobs_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN child_jobs_history r ON r.source_id = t.source_id
WHERE r.valid_from > t.from_id AND r.valid_from <= t.to_id AND r.valid_to > t.to_id AND NOT EXISTS (SELECT 1 FROM child_jobs_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.name IS r.name AND o.extra IS r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'child_jobs' AS table_name,
       'delete' AS action, r.job_id AS job_id, json_object('job_id', r.job_id, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN child_jobs_history r ON r.source_id = t.source_id
WHERE r.valid_from <= t.from_id AND r.valid_to > t.from_id AND r.valid_to <= t.to_id
  AND NOT EXISTS (SELECT 1 FROM child_jobs o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id)
  AND NOT EXISTS (SELECT 1 FROM child_jobs_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id AND o.valid_to > t.to_id)
""",
    "jobs_history_no_update": """
CREATE TRIGGER jobs_history_no_update BEFORE UPDATE ON jobs_history
WHEN coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'history is append-only: only `inventory prune` deletes from it'); END
""",
    "jobs_history_no_delete": """
CREATE TRIGGER jobs_history_no_delete BEFORE DELETE ON jobs_history
WHEN coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'history is append-only: only `inventory prune` deletes from it'); END
""",
    "endpoints_history_no_update": """
CREATE TRIGGER endpoints_history_no_update BEFORE UPDATE ON endpoints_history
WHEN coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'history is append-only: only `inventory prune` deletes from it'); END
""",
    "endpoints_history_no_delete": """
CREATE TRIGGER endpoints_history_no_delete BEFORE DELETE ON endpoints_history
WHEN coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'history is append-only: only `inventory prune` deletes from it'); END
""",
    "object_infos_history_no_update": """
CREATE TRIGGER object_infos_history_no_update BEFORE UPDATE ON object_infos_history
WHEN coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'history is append-only: only `inventory prune` deletes from it'); END
""",
    "object_infos_history_no_delete": """
CREATE TRIGGER object_infos_history_no_delete BEFORE DELETE ON object_infos_history
WHEN coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'history is append-only: only `inventory prune` deletes from it'); END
""",
    "tags_history_no_update": """
CREATE TRIGGER tags_history_no_update BEFORE UPDATE ON tags_history
WHEN coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'history is append-only: only `inventory prune` deletes from it'); END
""",
    "tags_history_no_delete": """
CREATE TRIGGER tags_history_no_delete BEFORE DELETE ON tags_history
WHEN coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'history is append-only: only `inventory prune` deletes from it'); END
""",
    "speed_limits_history_no_update": """
CREATE TRIGGER speed_limits_history_no_update BEFORE UPDATE ON speed_limits_history
WHEN coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'history is append-only: only `inventory prune` deletes from it'); END
""",
    "speed_limits_history_no_delete": """
CREATE TRIGGER speed_limits_history_no_delete BEFORE DELETE ON speed_limits_history
WHEN coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'history is append-only: only `inventory prune` deletes from it'); END
""",
    "alarm_subscriptions_history_no_update": """
CREATE TRIGGER alarm_subscriptions_history_no_update BEFORE UPDATE ON alarm_subscriptions_history
WHEN coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'history is append-only: only `inventory prune` deletes from it'); END
""",
    "alarm_subscriptions_history_no_delete": """
CREATE TRIGGER alarm_subscriptions_history_no_delete BEFORE DELETE ON alarm_subscriptions_history
WHEN coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'history is append-only: only `inventory prune` deletes from it'); END
""",
    "alarm_endpoints_history_no_update": """
CREATE TRIGGER alarm_endpoints_history_no_update BEFORE UPDATE ON alarm_endpoints_history
WHEN coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'history is append-only: only `inventory prune` deletes from it'); END
""",
    "alarm_endpoints_history_no_delete": """
CREATE TRIGGER alarm_endpoints_history_no_delete BEFORE DELETE ON alarm_endpoints_history
WHEN coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'history is append-only: only `inventory prune` deletes from it'); END
""",
    "filter_conditions_history_no_update": """
CREATE TRIGGER filter_conditions_history_no_update BEFORE UPDATE ON filter_conditions_history
WHEN coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'history is append-only: only `inventory prune` deletes from it'); END
""",
    "filter_conditions_history_no_delete": """
CREATE TRIGGER filter_conditions_history_no_delete BEFORE DELETE ON filter_conditions_history
WHEN coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'history is append-only: only `inventory prune` deletes from it'); END
""",
    "filter_object_infos_history_no_update": """
CREATE TRIGGER filter_object_infos_history_no_update BEFORE UPDATE ON filter_object_infos_history
WHEN coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'history is append-only: only `inventory prune` deletes from it'); END
""",
    "filter_object_infos_history_no_delete": """
CREATE TRIGGER filter_object_infos_history_no_delete BEFORE DELETE ON filter_object_infos_history
WHEN coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'history is append-only: only `inventory prune` deletes from it'); END
""",
    "public_ips_history_no_update": """
CREATE TRIGGER public_ips_history_no_update BEFORE UPDATE ON public_ips_history
WHEN coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'history is append-only: only `inventory prune` deletes from it'); END
""",
    "public_ips_history_no_delete": """
CREATE TRIGGER public_ips_history_no_delete BEFORE DELETE ON public_ips_history
WHEN coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'history is append-only: only `inventory prune` deletes from it'); END
""",
    "child_jobs_history_no_update": """
CREATE TRIGGER child_jobs_history_no_update BEFORE UPDATE ON child_jobs_history
WHEN coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'history is append-only: only `inventory prune` deletes from it'); END
""",
    "child_jobs_history_no_delete": """
CREATE TRIGGER child_jobs_history_no_delete BEFORE DELETE ON child_jobs_history
WHEN coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'history is append-only: only `inventory prune` deletes from it'); END
""",
    "job_listings_history_no_update": """
CREATE TRIGGER job_listings_history_no_update BEFORE UPDATE ON job_listings_history
WHEN coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'history is append-only: only `inventory prune` deletes from it'); END
""",
    "job_listings_history_no_delete": """
CREATE TRIGGER job_listings_history_no_delete BEFORE DELETE ON job_listings_history
WHEN coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'history is append-only: only `inventory prune` deletes from it'); END
""",
    "findings_history_no_update": """
CREATE TRIGGER findings_history_no_update BEFORE UPDATE ON findings_history
WHEN coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'history is append-only: only `inventory prune` deletes from it'); END
""",
    "findings_history_no_delete": """
CREATE TRIGGER findings_history_no_delete BEFORE DELETE ON findings_history
WHEN coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'history is append-only: only `inventory prune` deletes from it'); END
""",
    "job_digests_history_no_update": """
CREATE TRIGGER job_digests_history_no_update BEFORE UPDATE ON job_digests_history
WHEN coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'history is append-only: only `inventory prune` deletes from it'); END
""",
    "job_digests_history_no_delete": """
CREATE TRIGGER job_digests_history_no_delete BEFORE DELETE ON job_digests_history
WHEN coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'history is append-only: only `inventory prune` deletes from it'); END
""",
    "snapshots_no_update": """
CREATE TRIGGER snapshots_no_update BEFORE UPDATE ON snapshots
WHEN OLD.digest <> '' AND coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'a finished snapshot does not change'); END
""",
    "snapshots_no_delete": """
CREATE TRIGGER snapshots_no_delete BEFORE DELETE ON snapshots
WHEN OLD.digest <> '' AND coalesce((SELECT pruning FROM maintenance), 0) = 0
BEGIN SELECT RAISE(ABORT, 'a finished snapshot does not change'); END
""",
}

POSTGRESQL = {
    "changes": """
CREATE VIEW changes AS
WITH steps AS (
  SELECT n.source_id, s.name AS source, n.observed_to, n.finished_at, n.id AS to_id,
         coalesce(lag(n.id) OVER (PARTITION BY n.source_id ORDER BY n.id), 0) AS from_id
  FROM snapshots n JOIN sources s ON s.id = n.source_id
  WHERE n.pruned_at IS NULL
)
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'jobs' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM jobs_history o WHERE o.source_id = r.source_id AND o.id = r.id AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.id AS job_id, json_build_object('id', r.id) AS key
FROM steps t JOIN jobs r ON r.source_id = t.source_id
WHERE t.from_id = 0 AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM jobs_history o WHERE o.source_id = r.source_id AND o.id = r.id AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.parent_id IS NOT DISTINCT FROM r.parent_id AND o.name IS NOT DISTINCT FROM r.name AND o.status IS NOT DISTINCT FROM r.status AND o.description IS NOT DISTINCT FROM r.description AND o.create_time IS NOT DISTINCT FROM r.create_time AND o.task_type IS NOT DISTINCT FROM r.task_type AND o.net_type IS NOT DISTINCT FROM r.net_type AND o.failed_reason IS NOT DISTINCT FROM r.failed_reason AND o.inst_info_engine_type IS NOT DISTINCT FROM r.inst_info_engine_type AND o.inst_info_inst_type IS NOT DISTINCT FROM r.inst_info_inst_type AND o.inst_info_ip IS NOT DISTINCT FROM r.inst_info_ip AND o.inst_info_public_ip IS NOT DISTINCT FROM r.inst_info_public_ip AND o.inst_info_start_time IS NOT DISTINCT FROM r.inst_info_start_time AND o.inst_info_status IS NOT DISTINCT FROM r.inst_info_status AND o.inst_info_volume_size IS NOT DISTINCT FROM r.inst_info_volume_size AND o.actual_start_time IS NOT DISTINCT FROM r.actual_start_time AND o.full_transfer_complete_time IS NOT DISTINCT FROM r.full_transfer_complete_time AND o.update_time IS NOT DISTINCT FROM r.update_time AND o.job_direction IS NOT DISTINCT FROM r.job_direction AND o.db_use_type IS NOT DISTINCT FROM r.db_use_type AND o.need_restart IS NOT DISTINCT FROM r.need_restart AND o.is_target_readonly IS NOT DISTINCT FROM r.is_target_readonly AND o.conflict_policy IS NOT DISTINCT FROM r.conflict_policy AND o.filter_ddl_policy IS NOT DISTINCT FROM r.filter_ddl_policy AND o.schema_type IS NOT DISTINCT FROM r.schema_type AND o.node_num IS NOT DISTINCT FROM r.node_num AND o.object_switch IS NOT DISTINCT FROM r.object_switch AND o.master_job_id IS NOT DISTINCT FROM r.master_job_id AND o.full_mode IS NOT DISTINCT FROM r.full_mode AND o.struct_trans IS NOT DISTINCT FROM r.struct_trans AND o.index_trans IS NOT DISTINCT FROM r.index_trans AND o.replace_definer IS NOT DISTINCT FROM r.replace_definer AND o.migrate_user IS NOT DISTINCT FROM r.migrate_user AND o.sync_database IS NOT DISTINCT FROM r.sync_database AND o.error_code IS NOT DISTINCT FROM r.error_code AND o.error_message IS NOT DISTINCT FROM r.error_message AND o.target_root_db_db_name IS NOT DISTINCT FROM r.target_root_db_db_name AND o.target_root_db_db_encoding IS NOT DISTINCT FROM r.target_root_db_db_encoding AND o.az_code IS NOT DISTINCT FROM r.az_code AND o.vpc_id IS NOT DISTINCT FROM r.vpc_id AND o.subnet_id IS NOT DISTINCT FROM r.subnet_id AND o.security_group_id IS NOT DISTINCT FROM r.security_group_id AND o.multi_write IS NOT DISTINCT FROM r.multi_write AND o.support_ip_v6 IS NOT DISTINCT FROM r.support_ip_v6 AND o.inherit_id IS NOT DISTINCT FROM r.inherit_id AND o.gtid IS NOT DISTINCT FROM r.gtid AND o.alarm_notify_topic_name IS NOT DISTINCT FROM r.alarm_notify_topic_name AND o.alarm_notify_delay_time IS NOT DISTINCT FROM r.alarm_notify_delay_time AND o.alarm_notify_rto_delay IS NOT DISTINCT FROM r.alarm_notify_rto_delay AND o.alarm_notify_rpo_delay IS NOT DISTINCT FROM r.alarm_notify_rpo_delay AND o.alarm_notify_alarm_to_user IS NOT DISTINCT FROM r.alarm_notify_alarm_to_user AND o.is_multi_az IS NOT DISTINCT FROM r.is_multi_az AND o.az_name IS NOT DISTINCT FROM r.az_name AND o.master_az IS NOT DISTINCT FROM r.master_az AND o.slave_az IS NOT DISTINCT FROM r.slave_az AND o.node_role IS NOT DISTINCT FROM r.node_role AND o.incre_start_position IS NOT DISTINCT FROM r.incre_start_position AND o.period_order_status IS NOT DISTINCT FROM r.period_order_status AND o.period_order_order_id IS NOT DISTINCT FROM r.period_order_order_id AND o.period_order_charging_mode IS NOT DISTINCT FROM r.period_order_charging_mode AND o.period_order_period_type IS NOT DISTINCT FROM r.period_order_period_type AND o.period_order_period_num IS NOT DISTINCT FROM r.period_order_period_num AND o.period_order_is_auto_renew IS NOT DISTINCT FROM r.period_order_is_auto_renew AND o.period_order_eff_time IS NOT DISTINCT FROM r.period_order_eff_time AND o.period_order_exp_time IS NOT DISTINCT FROM r.period_order_exp_time AND o.original_job_direction IS NOT DISTINCT FROM r.original_job_direction AND o.data_transformation_total_count IS NOT DISTINCT FROM r.data_transformation_total_count AND o.bind_public_ip_state IS NOT DISTINCT FROM r.bind_public_ip_state AND o.is_open_fast_clean IS NOT DISTINCT FROM r.is_open_fast_clean AND o.job_kernel_direction IS NOT DISTINCT FROM r.job_kernel_direction AND o.sync_mode IS NOT DISTINCT FROM r.sync_mode AND o.issue_coupon IS NOT DISTINCT FROM r.issue_coupon AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'jobs' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM jobs_history o WHERE o.source_id = r.source_id AND o.id = r.id AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.id AS job_id, json_build_object('id', r.id) AS key
FROM steps t JOIN jobs r ON r.source_id = t.source_id
WHERE t.from_id > 0 AND r.valid_from > 1 AND r.valid_from > t.from_id AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM jobs_history o WHERE o.source_id = r.source_id AND o.id = r.id AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.parent_id IS NOT DISTINCT FROM r.parent_id AND o.name IS NOT DISTINCT FROM r.name AND o.status IS NOT DISTINCT FROM r.status AND o.description IS NOT DISTINCT FROM r.description AND o.create_time IS NOT DISTINCT FROM r.create_time AND o.task_type IS NOT DISTINCT FROM r.task_type AND o.net_type IS NOT DISTINCT FROM r.net_type AND o.failed_reason IS NOT DISTINCT FROM r.failed_reason AND o.inst_info_engine_type IS NOT DISTINCT FROM r.inst_info_engine_type AND o.inst_info_inst_type IS NOT DISTINCT FROM r.inst_info_inst_type AND o.inst_info_ip IS NOT DISTINCT FROM r.inst_info_ip AND o.inst_info_public_ip IS NOT DISTINCT FROM r.inst_info_public_ip AND o.inst_info_start_time IS NOT DISTINCT FROM r.inst_info_start_time AND o.inst_info_status IS NOT DISTINCT FROM r.inst_info_status AND o.inst_info_volume_size IS NOT DISTINCT FROM r.inst_info_volume_size AND o.actual_start_time IS NOT DISTINCT FROM r.actual_start_time AND o.full_transfer_complete_time IS NOT DISTINCT FROM r.full_transfer_complete_time AND o.update_time IS NOT DISTINCT FROM r.update_time AND o.job_direction IS NOT DISTINCT FROM r.job_direction AND o.db_use_type IS NOT DISTINCT FROM r.db_use_type AND o.need_restart IS NOT DISTINCT FROM r.need_restart AND o.is_target_readonly IS NOT DISTINCT FROM r.is_target_readonly AND o.conflict_policy IS NOT DISTINCT FROM r.conflict_policy AND o.filter_ddl_policy IS NOT DISTINCT FROM r.filter_ddl_policy AND o.schema_type IS NOT DISTINCT FROM r.schema_type AND o.node_num IS NOT DISTINCT FROM r.node_num AND o.object_switch IS NOT DISTINCT FROM r.object_switch AND o.master_job_id IS NOT DISTINCT FROM r.master_job_id AND o.full_mode IS NOT DISTINCT FROM r.full_mode AND o.struct_trans IS NOT DISTINCT FROM r.struct_trans AND o.index_trans IS NOT DISTINCT FROM r.index_trans AND o.replace_definer IS NOT DISTINCT FROM r.replace_definer AND o.migrate_user IS NOT DISTINCT FROM r.migrate_user AND o.sync_database IS NOT DISTINCT FROM r.sync_database AND o.error_code IS NOT DISTINCT FROM r.error_code AND o.error_message IS NOT DISTINCT FROM r.error_message AND o.target_root_db_db_name IS NOT DISTINCT FROM r.target_root_db_db_name AND o.target_root_db_db_encoding IS NOT DISTINCT FROM r.target_root_db_db_encoding AND o.az_code IS NOT DISTINCT FROM r.az_code AND o.vpc_id IS NOT DISTINCT FROM r.vpc_id AND o.subnet_id IS NOT DISTINCT FROM r.subnet_id AND o.security_group_id IS NOT DISTINCT FROM r.security_group_id AND o.multi_write IS NOT DISTINCT FROM r.multi_write AND o.support_ip_v6 IS NOT DISTINCT FROM r.support_ip_v6 AND o.inherit_id IS NOT DISTINCT FROM r.inherit_id AND o.gtid IS NOT DISTINCT FROM r.gtid AND o.alarm_notify_topic_name IS NOT DISTINCT FROM r.alarm_notify_topic_name AND o.alarm_notify_delay_time IS NOT DISTINCT FROM r.alarm_notify_delay_time AND o.alarm_notify_rto_delay IS NOT DISTINCT FROM r.alarm_notify_rto_delay AND o.alarm_notify_rpo_delay IS NOT DISTINCT FROM r.alarm_notify_rpo_delay AND o.alarm_notify_alarm_to_user IS NOT DISTINCT FROM r.alarm_notify_alarm_to_user AND o.is_multi_az IS NOT DISTINCT FROM r.is_multi_az AND o.az_name IS NOT DISTINCT FROM r.az_name AND o.master_az IS NOT DISTINCT FROM r.master_az AND o.slave_az IS NOT DISTINCT FROM r.slave_az AND o.node_role IS NOT DISTINCT FROM r.node_role AND o.incre_start_position IS NOT DISTINCT FROM r.incre_start_position AND o.period_order_status IS NOT DISTINCT FROM r.period_order_status AND o.period_order_order_id IS NOT DISTINCT FROM r.period_order_order_id AND o.period_order_charging_mode IS NOT DISTINCT FROM r.period_order_charging_mode AND o.period_order_period_type IS NOT DISTINCT FROM r.period_order_period_type AND o.period_order_period_num IS NOT DISTINCT FROM r.period_order_period_num AND o.period_order_is_auto_renew IS NOT DISTINCT FROM r.period_order_is_auto_renew AND o.period_order_eff_time IS NOT DISTINCT FROM r.period_order_eff_time AND o.period_order_exp_time IS NOT DISTINCT FROM r.period_order_exp_time AND o.original_job_direction IS NOT DISTINCT FROM r.original_job_direction AND o.data_transformation_total_count IS NOT DISTINCT FROM r.data_transformation_total_count AND o.bind_public_ip_state IS NOT DISTINCT FROM r.bind_public_ip_state AND o.is_open_fast_clean IS NOT DISTINCT FROM r.is_open_fast_clean AND o.job_kernel_direction IS NOT DISTINCT FROM r.job_kernel_direction AND o.sync_mode IS NOT DISTINCT FROM r.sync_mode AND o.issue_coupon IS NOT DISTINCT FROM r.issue_coupon AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'jobs' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM jobs_history o WHERE o.source_id = r.source_id AND o.id = r.id AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.id AS job_id, json_build_object('id', r.id) AS key
FROM steps t JOIN jobs_history r ON r.source_id = t.source_id
WHERE r.valid_from > t.from_id AND r.valid_from <= t.to_id AND r.valid_to > t.to_id AND NOT EXISTS (SELECT 1 FROM jobs_history o WHERE o.source_id = r.source_id AND o.id = r.id AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.parent_id IS NOT DISTINCT FROM r.parent_id AND o.name IS NOT DISTINCT FROM r.name AND o.status IS NOT DISTINCT FROM r.status AND o.description IS NOT DISTINCT FROM r.description AND o.create_time IS NOT DISTINCT FROM r.create_time AND o.task_type IS NOT DISTINCT FROM r.task_type AND o.net_type IS NOT DISTINCT FROM r.net_type AND o.failed_reason IS NOT DISTINCT FROM r.failed_reason AND o.inst_info_engine_type IS NOT DISTINCT FROM r.inst_info_engine_type AND o.inst_info_inst_type IS NOT DISTINCT FROM r.inst_info_inst_type AND o.inst_info_ip IS NOT DISTINCT FROM r.inst_info_ip AND o.inst_info_public_ip IS NOT DISTINCT FROM r.inst_info_public_ip AND o.inst_info_start_time IS NOT DISTINCT FROM r.inst_info_start_time AND o.inst_info_status IS NOT DISTINCT FROM r.inst_info_status AND o.inst_info_volume_size IS NOT DISTINCT FROM r.inst_info_volume_size AND o.actual_start_time IS NOT DISTINCT FROM r.actual_start_time AND o.full_transfer_complete_time IS NOT DISTINCT FROM r.full_transfer_complete_time AND o.update_time IS NOT DISTINCT FROM r.update_time AND o.job_direction IS NOT DISTINCT FROM r.job_direction AND o.db_use_type IS NOT DISTINCT FROM r.db_use_type AND o.need_restart IS NOT DISTINCT FROM r.need_restart AND o.is_target_readonly IS NOT DISTINCT FROM r.is_target_readonly AND o.conflict_policy IS NOT DISTINCT FROM r.conflict_policy AND o.filter_ddl_policy IS NOT DISTINCT FROM r.filter_ddl_policy AND o.schema_type IS NOT DISTINCT FROM r.schema_type AND o.node_num IS NOT DISTINCT FROM r.node_num AND o.object_switch IS NOT DISTINCT FROM r.object_switch AND o.master_job_id IS NOT DISTINCT FROM r.master_job_id AND o.full_mode IS NOT DISTINCT FROM r.full_mode AND o.struct_trans IS NOT DISTINCT FROM r.struct_trans AND o.index_trans IS NOT DISTINCT FROM r.index_trans AND o.replace_definer IS NOT DISTINCT FROM r.replace_definer AND o.migrate_user IS NOT DISTINCT FROM r.migrate_user AND o.sync_database IS NOT DISTINCT FROM r.sync_database AND o.error_code IS NOT DISTINCT FROM r.error_code AND o.error_message IS NOT DISTINCT FROM r.error_message AND o.target_root_db_db_name IS NOT DISTINCT FROM r.target_root_db_db_name AND o.target_root_db_db_encoding IS NOT DISTINCT FROM r.target_root_db_db_encoding AND o.az_code IS NOT DISTINCT FROM r.az_code AND o.vpc_id IS NOT DISTINCT FROM r.vpc_id AND o.subnet_id IS NOT DISTINCT FROM r.subnet_id AND o.security_group_id IS NOT DISTINCT FROM r.security_group_id AND o.multi_write IS NOT DISTINCT FROM r.multi_write AND o.support_ip_v6 IS NOT DISTINCT FROM r.support_ip_v6 AND o.inherit_id IS NOT DISTINCT FROM r.inherit_id AND o.gtid IS NOT DISTINCT FROM r.gtid AND o.alarm_notify_topic_name IS NOT DISTINCT FROM r.alarm_notify_topic_name AND o.alarm_notify_delay_time IS NOT DISTINCT FROM r.alarm_notify_delay_time AND o.alarm_notify_rto_delay IS NOT DISTINCT FROM r.alarm_notify_rto_delay AND o.alarm_notify_rpo_delay IS NOT DISTINCT FROM r.alarm_notify_rpo_delay AND o.alarm_notify_alarm_to_user IS NOT DISTINCT FROM r.alarm_notify_alarm_to_user AND o.is_multi_az IS NOT DISTINCT FROM r.is_multi_az AND o.az_name IS NOT DISTINCT FROM r.az_name AND o.master_az IS NOT DISTINCT FROM r.master_az AND o.slave_az IS NOT DISTINCT FROM r.slave_az AND o.node_role IS NOT DISTINCT FROM r.node_role AND o.incre_start_position IS NOT DISTINCT FROM r.incre_start_position AND o.period_order_status IS NOT DISTINCT FROM r.period_order_status AND o.period_order_order_id IS NOT DISTINCT FROM r.period_order_order_id AND o.period_order_charging_mode IS NOT DISTINCT FROM r.period_order_charging_mode AND o.period_order_period_type IS NOT DISTINCT FROM r.period_order_period_type AND o.period_order_period_num IS NOT DISTINCT FROM r.period_order_period_num AND o.period_order_is_auto_renew IS NOT DISTINCT FROM r.period_order_is_auto_renew AND o.period_order_eff_time IS NOT DISTINCT FROM r.period_order_eff_time AND o.period_order_exp_time IS NOT DISTINCT FROM r.period_order_exp_time AND o.original_job_direction IS NOT DISTINCT FROM r.original_job_direction AND o.data_transformation_total_count IS NOT DISTINCT FROM r.data_transformation_total_count AND o.bind_public_ip_state IS NOT DISTINCT FROM r.bind_public_ip_state AND o.is_open_fast_clean IS NOT DISTINCT FROM r.is_open_fast_clean AND o.job_kernel_direction IS NOT DISTINCT FROM r.job_kernel_direction AND o.sync_mode IS NOT DISTINCT FROM r.sync_mode AND o.issue_coupon IS NOT DISTINCT FROM r.issue_coupon AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'jobs' AS table_name,
       'delete' AS action, r.id AS job_id, json_build_object('id', r.id) AS key
FROM steps t JOIN jobs_history r ON r.source_id = t.source_id
WHERE r.valid_from <= t.from_id AND r.valid_to > t.from_id AND r.valid_to <= t.to_id
  AND NOT EXISTS (SELECT 1 FROM jobs o WHERE o.source_id = r.source_id AND o.id = r.id AND o.valid_from > t.from_id AND o.valid_from <= t.to_id)
  AND NOT EXISTS (SELECT 1 FROM jobs_history o WHERE o.source_id = r.source_id AND o.id = r.id AND o.valid_from > t.from_id AND o.valid_from <= t.to_id AND o.valid_to > t.to_id)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'endpoints' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM endpoints_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.role = r.role AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'role', r.role, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN endpoints r ON r.source_id = t.source_id
WHERE t.from_id = 0 AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM endpoints_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.role = r.role AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.db_type IS NOT DISTINCT FROM r.db_type AND o.az_code IS NOT DISTINCT FROM r.az_code AND o.region IS NOT DISTINCT FROM r.region AND o.inst_id IS NOT DISTINCT FROM r.inst_id AND o.vpc_id IS NOT DISTINCT FROM r.vpc_id AND o.subnet_id IS NOT DISTINCT FROM r.subnet_id AND o.security_group_id IS NOT DISTINCT FROM r.security_group_id AND o.project_id IS NOT DISTINCT FROM r.project_id AND o.db_name IS NOT DISTINCT FROM r.db_name AND o.db_password IS NOT DISTINCT FROM r.db_password AND o.db_port IS NOT DISTINCT FROM r.db_port AND o.db_user IS NOT DISTINCT FROM r.db_user AND o.inst_name IS NOT DISTINCT FROM r.inst_name AND o.ip IS NOT DISTINCT FROM r.ip AND o.mongo_ha_mode IS NOT DISTINCT FROM r.mongo_ha_mode AND o.safe_mode IS NOT DISTINCT FROM r.safe_mode AND o.ssl_cert_password IS NOT DISTINCT FROM r.ssl_cert_password AND o.ssl_cert_check_sum IS NOT DISTINCT FROM r.ssl_cert_check_sum AND o.ssl_cert_key IS NOT DISTINCT FROM r.ssl_cert_key AND o.ssl_cert_name IS NOT DISTINCT FROM r.ssl_cert_name AND o.ssl_link IS NOT DISTINCT FROM r.ssl_link AND o.topic IS NOT DISTINCT FROM r.topic AND o.cluster_mode IS NOT DISTINCT FROM r.cluster_mode AND o.kafka_security_config_type IS NOT DISTINCT FROM r.kafka_security_config_type AND o.kafka_security_config_trust_store_key_name IS NOT DISTINCT FROM r.kafka_security_config_trust_store_key_name AND o.kafka_security_config_trust_store_key IS NOT DISTINCT FROM r.kafka_security_config_trust_store_key AND o.kafka_security_config_trust_store_password IS NOT DISTINCT FROM r.kafka_security_config_trust_store_password AND o.kafka_security_config_endpoint_algorithm IS NOT DISTINCT FROM r.kafka_security_config_endpoint_algorithm AND o.kafka_security_config_sasl_mechanism IS NOT DISTINCT FROM r.kafka_security_config_sasl_mechanism AND o.kafka_security_config_delegation_tokens IS NOT DISTINCT FROM r.kafka_security_config_delegation_tokens AND o.kafka_security_config_enable_key_store IS NOT DISTINCT FROM r.kafka_security_config_enable_key_store AND o.kafka_security_config_key_store_key IS NOT DISTINCT FROM r.kafka_security_config_key_store_key AND o.kafka_security_config_key_store_key_name IS NOT DISTINCT FROM r.kafka_security_config_key_store_key_name AND o.kafka_security_config_key_store_password IS NOT DISTINCT FROM r.kafka_security_config_key_store_password AND o.kafka_security_config_set_private_key_password IS NOT DISTINCT FROM r.kafka_security_config_set_private_key_password AND o.kafka_security_config_key_password IS NOT DISTINCT FROM r.kafka_security_config_key_password AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'endpoints' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM endpoints_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.role = r.role AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'role', r.role, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN endpoints r ON r.source_id = t.source_id
WHERE t.from_id > 0 AND r.valid_from > 1 AND r.valid_from > t.from_id AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM endpoints_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.role = r.role AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.db_type IS NOT DISTINCT FROM r.db_type AND o.az_code IS NOT DISTINCT FROM r.az_code AND o.region IS NOT DISTINCT FROM r.region AND o.inst_id IS NOT DISTINCT FROM r.inst_id AND o.vpc_id IS NOT DISTINCT FROM r.vpc_id AND o.subnet_id IS NOT DISTINCT FROM r.subnet_id AND o.security_group_id IS NOT DISTINCT FROM r.security_group_id AND o.project_id IS NOT DISTINCT FROM r.project_id AND o.db_name IS NOT DISTINCT FROM r.db_name AND o.db_password IS NOT DISTINCT FROM r.db_password AND o.db_port IS NOT DISTINCT FROM r.db_port AND o.db_user IS NOT DISTINCT FROM r.db_user AND o.inst_name IS NOT DISTINCT FROM r.inst_name AND o.ip IS NOT DISTINCT FROM r.ip AND o.mongo_ha_mode IS NOT DISTINCT FROM r.mongo_ha_mode AND o.safe_mode IS NOT DISTINCT FROM r.safe_mode AND o.ssl_cert_password IS NOT DISTINCT FROM r.ssl_cert_password AND o.ssl_cert_check_sum IS NOT DISTINCT FROM r.ssl_cert_check_sum AND o.ssl_cert_key IS NOT DISTINCT FROM r.ssl_cert_key AND o.ssl_cert_name IS NOT DISTINCT FROM r.ssl_cert_name AND o.ssl_link IS NOT DISTINCT FROM r.ssl_link AND o.topic IS NOT DISTINCT FROM r.topic AND o.cluster_mode IS NOT DISTINCT FROM r.cluster_mode AND o.kafka_security_config_type IS NOT DISTINCT FROM r.kafka_security_config_type AND o.kafka_security_config_trust_store_key_name IS NOT DISTINCT FROM r.kafka_security_config_trust_store_key_name AND o.kafka_security_config_trust_store_key IS NOT DISTINCT FROM r.kafka_security_config_trust_store_key AND o.kafka_security_config_trust_store_password IS NOT DISTINCT FROM r.kafka_security_config_trust_store_password AND o.kafka_security_config_endpoint_algorithm IS NOT DISTINCT FROM r.kafka_security_config_endpoint_algorithm AND o.kafka_security_config_sasl_mechanism IS NOT DISTINCT FROM r.kafka_security_config_sasl_mechanism AND o.kafka_security_config_delegation_tokens IS NOT DISTINCT FROM r.kafka_security_config_delegation_tokens AND o.kafka_security_config_enable_key_store IS NOT DISTINCT FROM r.kafka_security_config_enable_key_store AND o.kafka_security_config_key_store_key IS NOT DISTINCT FROM r.kafka_security_config_key_store_key AND o.kafka_security_config_key_store_key_name IS NOT DISTINCT FROM r.kafka_security_config_key_store_key_name AND o.kafka_security_config_key_store_password IS NOT DISTINCT FROM r.kafka_security_config_key_store_password AND o.kafka_security_config_set_private_key_password IS NOT DISTINCT FROM r.kafka_security_config_set_private_key_password AND o.kafka_security_config_key_password IS NOT DISTINCT FROM r.kafka_security_config_key_password AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'endpoints' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM endpoints_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.role = r.role AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'role', r.role, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN endpoints_history r ON r.source_id = t.source_id
WHERE r.valid_from > t.from_id AND r.valid_from <= t.to_id AND r.valid_to > t.to_id AND NOT EXISTS (SELECT 1 FROM endpoints_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.role = r.role AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.db_type IS NOT DISTINCT FROM r.db_type AND o.az_code IS NOT DISTINCT FROM r.az_code AND o.region IS NOT DISTINCT FROM r.region AND o.inst_id IS NOT DISTINCT FROM r.inst_id AND o.vpc_id IS NOT DISTINCT FROM r.vpc_id AND o.subnet_id IS NOT DISTINCT FROM r.subnet_id AND o.security_group_id IS NOT DISTINCT FROM r.security_group_id AND o.project_id IS NOT DISTINCT FROM r.project_id AND o.db_name IS NOT DISTINCT FROM r.db_name AND o.db_password IS NOT DISTINCT FROM r.db_password AND o.db_port IS NOT DISTINCT FROM r.db_port AND o.db_user IS NOT DISTINCT FROM r.db_user AND o.inst_name IS NOT DISTINCT FROM r.inst_name AND o.ip IS NOT DISTINCT FROM r.ip AND o.mongo_ha_mode IS NOT DISTINCT FROM r.mongo_ha_mode AND o.safe_mode IS NOT DISTINCT FROM r.safe_mode AND o.ssl_cert_password IS NOT DISTINCT FROM r.ssl_cert_password AND o.ssl_cert_check_sum IS NOT DISTINCT FROM r.ssl_cert_check_sum AND o.ssl_cert_key IS NOT DISTINCT FROM r.ssl_cert_key AND o.ssl_cert_name IS NOT DISTINCT FROM r.ssl_cert_name AND o.ssl_link IS NOT DISTINCT FROM r.ssl_link AND o.topic IS NOT DISTINCT FROM r.topic AND o.cluster_mode IS NOT DISTINCT FROM r.cluster_mode AND o.kafka_security_config_type IS NOT DISTINCT FROM r.kafka_security_config_type AND o.kafka_security_config_trust_store_key_name IS NOT DISTINCT FROM r.kafka_security_config_trust_store_key_name AND o.kafka_security_config_trust_store_key IS NOT DISTINCT FROM r.kafka_security_config_trust_store_key AND o.kafka_security_config_trust_store_password IS NOT DISTINCT FROM r.kafka_security_config_trust_store_password AND o.kafka_security_config_endpoint_algorithm IS NOT DISTINCT FROM r.kafka_security_config_endpoint_algorithm AND o.kafka_security_config_sasl_mechanism IS NOT DISTINCT FROM r.kafka_security_config_sasl_mechanism AND o.kafka_security_config_delegation_tokens IS NOT DISTINCT FROM r.kafka_security_config_delegation_tokens AND o.kafka_security_config_enable_key_store IS NOT DISTINCT FROM r.kafka_security_config_enable_key_store AND o.kafka_security_config_key_store_key IS NOT DISTINCT FROM r.kafka_security_config_key_store_key AND o.kafka_security_config_key_store_key_name IS NOT DISTINCT FROM r.kafka_security_config_key_store_key_name AND o.kafka_security_config_key_store_password IS NOT DISTINCT FROM r.kafka_security_config_key_store_password AND o.kafka_security_config_set_private_key_password IS NOT DISTINCT FROM r.kafka_security_config_set_private_key_password AND o.kafka_security_config_key_password IS NOT DISTINCT FROM r.kafka_security_config_key_password AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'endpoints' AS table_name,
       'delete' AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'role', r.role, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN endpoints_history r ON r.source_id = t.source_id
WHERE r.valid_from <= t.from_id AND r.valid_to > t.from_id AND r.valid_to <= t.to_id
  AND NOT EXISTS (SELECT 1 FROM endpoints o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.role = r.role AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id)
  AND NOT EXISTS (SELECT 1 FROM endpoints_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.role = r.role AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id AND o.valid_to > t.to_id)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'object_infos' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM object_infos_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.type = r.type AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'type', r.type, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN object_infos r ON r.source_id = t.source_id
WHERE t.from_id = 0 AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM object_infos_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.type = r.type AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.parent_id IS NOT DISTINCT FROM r.parent_id AND o.name IS NOT DISTINCT FROM r.name AND o.alias_name IS NOT DISTINCT FROM r.alias_name AND o.is_selected IS NOT DISTINCT FROM r.is_selected AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'object_infos' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM object_infos_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.type = r.type AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'type', r.type, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN object_infos r ON r.source_id = t.source_id
WHERE t.from_id > 0 AND r.valid_from > 1 AND r.valid_from > t.from_id AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM object_infos_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.type = r.type AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.parent_id IS NOT DISTINCT FROM r.parent_id AND o.name IS NOT DISTINCT FROM r.name AND o.alias_name IS NOT DISTINCT FROM r.alias_name AND o.is_selected IS NOT DISTINCT FROM r.is_selected AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'object_infos' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM object_infos_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.type = r.type AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'type', r.type, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN object_infos_history r ON r.source_id = t.source_id
WHERE r.valid_from > t.from_id AND r.valid_from <= t.to_id AND r.valid_to > t.to_id AND NOT EXISTS (SELECT 1 FROM object_infos_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.type = r.type AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.parent_id IS NOT DISTINCT FROM r.parent_id AND o.name IS NOT DISTINCT FROM r.name AND o.alias_name IS NOT DISTINCT FROM r.alias_name AND o.is_selected IS NOT DISTINCT FROM r.is_selected AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'object_infos' AS table_name,
       'delete' AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'type', r.type, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN object_infos_history r ON r.source_id = t.source_id
WHERE r.valid_from <= t.from_id AND r.valid_to > t.from_id AND r.valid_to <= t.to_id
  AND NOT EXISTS (SELECT 1 FROM object_infos o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.type = r.type AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id)
  AND NOT EXISTS (SELECT 1 FROM object_infos_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.type = r.type AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id AND o.valid_to > t.to_id)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'tags' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM tags_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.key = r.key AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'key', r.key, 'occurrence', r.occurrence) AS key
FROM steps t JOIN tags r ON r.source_id = t.source_id
WHERE t.from_id = 0 AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM tags_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.key = r.key AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.value IS NOT DISTINCT FROM r.value AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'tags' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM tags_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.key = r.key AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'key', r.key, 'occurrence', r.occurrence) AS key
FROM steps t JOIN tags r ON r.source_id = t.source_id
WHERE t.from_id > 0 AND r.valid_from > 1 AND r.valid_from > t.from_id AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM tags_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.key = r.key AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.value IS NOT DISTINCT FROM r.value AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'tags' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM tags_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.key = r.key AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'key', r.key, 'occurrence', r.occurrence) AS key
FROM steps t JOIN tags_history r ON r.source_id = t.source_id
WHERE r.valid_from > t.from_id AND r.valid_from <= t.to_id AND r.valid_to > t.to_id AND NOT EXISTS (SELECT 1 FROM tags_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.key = r.key AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.value IS NOT DISTINCT FROM r.value AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'tags' AS table_name,
       'delete' AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'key', r.key, 'occurrence', r.occurrence) AS key
FROM steps t JOIN tags_history r ON r.source_id = t.source_id
WHERE r.valid_from <= t.from_id AND r.valid_to > t.from_id AND r.valid_to <= t.to_id
  AND NOT EXISTS (SELECT 1 FROM tags o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.key = r.key AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id)
  AND NOT EXISTS (SELECT 1 FROM tags_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.key = r.key AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id AND o.valid_to > t.to_id)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'speed_limits' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM speed_limits_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN speed_limits r ON r.source_id = t.source_id
WHERE t.from_id = 0 AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM speed_limits_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.begin_time IS NOT DISTINCT FROM r.begin_time AND o.end_time IS NOT DISTINCT FROM r.end_time AND o.is_utc IS NOT DISTINCT FROM r.is_utc AND o.speed IS NOT DISTINCT FROM r.speed AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'speed_limits' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM speed_limits_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN speed_limits r ON r.source_id = t.source_id
WHERE t.from_id > 0 AND r.valid_from > 1 AND r.valid_from > t.from_id AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM speed_limits_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.begin_time IS NOT DISTINCT FROM r.begin_time AND o.end_time IS NOT DISTINCT FROM r.end_time AND o.is_utc IS NOT DISTINCT FROM r.is_utc AND o.speed IS NOT DISTINCT FROM r.speed AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'speed_limits' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM speed_limits_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN speed_limits_history r ON r.source_id = t.source_id
WHERE r.valid_from > t.from_id AND r.valid_from <= t.to_id AND r.valid_to > t.to_id AND NOT EXISTS (SELECT 1 FROM speed_limits_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.begin_time IS NOT DISTINCT FROM r.begin_time AND o.end_time IS NOT DISTINCT FROM r.end_time AND o.is_utc IS NOT DISTINCT FROM r.is_utc AND o.speed IS NOT DISTINCT FROM r.speed AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'speed_limits' AS table_name,
       'delete' AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN speed_limits_history r ON r.source_id = t.source_id
WHERE r.valid_from <= t.from_id AND r.valid_to > t.from_id AND r.valid_to <= t.to_id
  AND NOT EXISTS (SELECT 1 FROM speed_limits o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id)
  AND NOT EXISTS (SELECT 1 FROM speed_limits_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id AND o.valid_to > t.to_id)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'alarm_subscriptions' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM alarm_subscriptions_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN alarm_subscriptions r ON r.source_id = t.source_id
WHERE t.from_id = 0 AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM alarm_subscriptions_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.protocol IS NOT DISTINCT FROM r.protocol AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'alarm_subscriptions' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM alarm_subscriptions_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN alarm_subscriptions r ON r.source_id = t.source_id
WHERE t.from_id > 0 AND r.valid_from > 1 AND r.valid_from > t.from_id AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM alarm_subscriptions_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.protocol IS NOT DISTINCT FROM r.protocol AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'alarm_subscriptions' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM alarm_subscriptions_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN alarm_subscriptions_history r ON r.source_id = t.source_id
WHERE r.valid_from > t.from_id AND r.valid_from <= t.to_id AND r.valid_to > t.to_id AND NOT EXISTS (SELECT 1 FROM alarm_subscriptions_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.protocol IS NOT DISTINCT FROM r.protocol AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'alarm_subscriptions' AS table_name,
       'delete' AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN alarm_subscriptions_history r ON r.source_id = t.source_id
WHERE r.valid_from <= t.from_id AND r.valid_to > t.from_id AND r.valid_to <= t.to_id
  AND NOT EXISTS (SELECT 1 FROM alarm_subscriptions o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id)
  AND NOT EXISTS (SELECT 1 FROM alarm_subscriptions_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id AND o.valid_to > t.to_id)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'alarm_endpoints' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM alarm_endpoints_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.endpoint = r.endpoint AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'item', r.item, 'endpoint', r.endpoint, 'occurrence', r.occurrence) AS key
FROM steps t JOIN alarm_endpoints r ON r.source_id = t.source_id
WHERE t.from_id = 0 AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM alarm_endpoints_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.endpoint = r.endpoint AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.item_occurrence IS NOT DISTINCT FROM r.item_occurrence AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'alarm_endpoints' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM alarm_endpoints_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.endpoint = r.endpoint AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'item', r.item, 'endpoint', r.endpoint, 'occurrence', r.occurrence) AS key
FROM steps t JOIN alarm_endpoints r ON r.source_id = t.source_id
WHERE t.from_id > 0 AND r.valid_from > 1 AND r.valid_from > t.from_id AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM alarm_endpoints_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.endpoint = r.endpoint AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.item_occurrence IS NOT DISTINCT FROM r.item_occurrence AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'alarm_endpoints' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM alarm_endpoints_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.endpoint = r.endpoint AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'item', r.item, 'endpoint', r.endpoint, 'occurrence', r.occurrence) AS key
FROM steps t JOIN alarm_endpoints_history r ON r.source_id = t.source_id
WHERE r.valid_from > t.from_id AND r.valid_from <= t.to_id AND r.valid_to > t.to_id AND NOT EXISTS (SELECT 1 FROM alarm_endpoints_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.endpoint = r.endpoint AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.item_occurrence IS NOT DISTINCT FROM r.item_occurrence AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'alarm_endpoints' AS table_name,
       'delete' AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'item', r.item, 'endpoint', r.endpoint, 'occurrence', r.occurrence) AS key
FROM steps t JOIN alarm_endpoints_history r ON r.source_id = t.source_id
WHERE r.valid_from <= t.from_id AND r.valid_to > t.from_id AND r.valid_to <= t.to_id
  AND NOT EXISTS (SELECT 1 FROM alarm_endpoints o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.endpoint = r.endpoint AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id)
  AND NOT EXISTS (SELECT 1 FROM alarm_endpoints_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.endpoint = r.endpoint AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id AND o.valid_to > t.to_id)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'filter_conditions' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM filter_conditions_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN filter_conditions r ON r.source_id = t.source_id
WHERE t.from_id = 0 AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM filter_conditions_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.transformation_info_transformation_type IS NOT DISTINCT FROM r.transformation_info_transformation_type AND o.transformation_info_value IS NOT DISTINCT FROM r.transformation_info_value AND o.config_transformation_db_table_name IS NOT DISTINCT FROM r.config_transformation_db_table_name AND o.config_transformation_db_name IS NOT DISTINCT FROM r.config_transformation_db_name AND o.config_transformation_table_name IS NOT DISTINCT FROM r.config_transformation_table_name AND o.config_transformation_col_names IS NOT DISTINCT FROM r.config_transformation_col_names AND o.config_transformation_prim_key_or_index IS NOT DISTINCT FROM r.config_transformation_prim_key_or_index AND o.config_transformation_indexs IS NOT DISTINCT FROM r.config_transformation_indexs AND o.config_transformation_values IS NOT DISTINCT FROM r.config_transformation_values AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'filter_conditions' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM filter_conditions_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN filter_conditions r ON r.source_id = t.source_id
WHERE t.from_id > 0 AND r.valid_from > 1 AND r.valid_from > t.from_id AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM filter_conditions_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.transformation_info_transformation_type IS NOT DISTINCT FROM r.transformation_info_transformation_type AND o.transformation_info_value IS NOT DISTINCT FROM r.transformation_info_value AND o.config_transformation_db_table_name IS NOT DISTINCT FROM r.config_transformation_db_table_name AND o.config_transformation_db_name IS NOT DISTINCT FROM r.config_transformation_db_name AND o.config_transformation_table_name IS NOT DISTINCT FROM r.config_transformation_table_name AND o.config_transformation_col_names IS NOT DISTINCT FROM r.config_transformation_col_names AND o.config_transformation_prim_key_or_index IS NOT DISTINCT FROM r.config_transformation_prim_key_or_index AND o.config_transformation_indexs IS NOT DISTINCT FROM r.config_transformation_indexs AND o.config_transformation_values IS NOT DISTINCT FROM r.config_transformation_values AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'filter_conditions' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM filter_conditions_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN filter_conditions_history r ON r.source_id = t.source_id
WHERE r.valid_from > t.from_id AND r.valid_from <= t.to_id AND r.valid_to > t.to_id AND NOT EXISTS (SELECT 1 FROM filter_conditions_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.transformation_info_transformation_type IS NOT DISTINCT FROM r.transformation_info_transformation_type AND o.transformation_info_value IS NOT DISTINCT FROM r.transformation_info_value AND o.config_transformation_db_table_name IS NOT DISTINCT FROM r.config_transformation_db_table_name AND o.config_transformation_db_name IS NOT DISTINCT FROM r.config_transformation_db_name AND o.config_transformation_table_name IS NOT DISTINCT FROM r.config_transformation_table_name AND o.config_transformation_col_names IS NOT DISTINCT FROM r.config_transformation_col_names AND o.config_transformation_prim_key_or_index IS NOT DISTINCT FROM r.config_transformation_prim_key_or_index AND o.config_transformation_indexs IS NOT DISTINCT FROM r.config_transformation_indexs AND o.config_transformation_values IS NOT DISTINCT FROM r.config_transformation_values AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'filter_conditions' AS table_name,
       'delete' AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'item', r.item, 'occurrence', r.occurrence) AS key
FROM steps t JOIN filter_conditions_history r ON r.source_id = t.source_id
WHERE r.valid_from <= t.from_id AND r.valid_to > t.from_id AND r.valid_to <= t.to_id
  AND NOT EXISTS (SELECT 1 FROM filter_conditions o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id)
  AND NOT EXISTS (SELECT 1 FROM filter_conditions_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id AND o.valid_to > t.to_id)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'filter_object_infos' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM filter_object_infos_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'item', r.item, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN filter_object_infos r ON r.source_id = t.source_id
WHERE t.from_id = 0 AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM filter_object_infos_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.item_occurrence IS NOT DISTINCT FROM r.item_occurrence AND o.data_transformation_type IS NOT DISTINCT FROM r.data_transformation_type AND o.db_name IS NOT DISTINCT FROM r.db_name AND o.schema_name IS NOT DISTINCT FROM r.schema_name AND o.table_name IS NOT DISTINCT FROM r.table_name AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'filter_object_infos' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM filter_object_infos_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'item', r.item, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN filter_object_infos r ON r.source_id = t.source_id
WHERE t.from_id > 0 AND r.valid_from > 1 AND r.valid_from > t.from_id AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM filter_object_infos_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.item_occurrence IS NOT DISTINCT FROM r.item_occurrence AND o.data_transformation_type IS NOT DISTINCT FROM r.data_transformation_type AND o.db_name IS NOT DISTINCT FROM r.db_name AND o.schema_name IS NOT DISTINCT FROM r.schema_name AND o.table_name IS NOT DISTINCT FROM r.table_name AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'filter_object_infos' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM filter_object_infos_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'item', r.item, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN filter_object_infos_history r ON r.source_id = t.source_id
WHERE r.valid_from > t.from_id AND r.valid_from <= t.to_id AND r.valid_to > t.to_id AND NOT EXISTS (SELECT 1 FROM filter_object_infos_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.item_occurrence IS NOT DISTINCT FROM r.item_occurrence AND o.data_transformation_type IS NOT DISTINCT FROM r.data_transformation_type AND o.db_name IS NOT DISTINCT FROM r.db_name AND o.schema_name IS NOT DISTINCT FROM r.schema_name AND o.table_name IS NOT DISTINCT FROM r.table_name AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'filter_object_infos' AS table_name,
       'delete' AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'item', r.item, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN filter_object_infos_history r ON r.source_id = t.source_id
WHERE r.valid_from <= t.from_id AND r.valid_to > t.from_id AND r.valid_to <= t.to_id
  AND NOT EXISTS (SELECT 1 FROM filter_object_infos o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id)
  AND NOT EXISTS (SELECT 1 FROM filter_object_infos_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.item = r.item AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id AND o.valid_to > t.to_id)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'public_ips' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM public_ips_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN public_ips r ON r.source_id = t.source_id
WHERE t.from_id = 0 AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM public_ips_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.public_ip IS NOT DISTINCT FROM r.public_ip AND o.type IS NOT DISTINCT FROM r.type AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'public_ips' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM public_ips_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN public_ips r ON r.source_id = t.source_id
WHERE t.from_id > 0 AND r.valid_from > 1 AND r.valid_from > t.from_id AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM public_ips_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.public_ip IS NOT DISTINCT FROM r.public_ip AND o.type IS NOT DISTINCT FROM r.type AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'public_ips' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM public_ips_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN public_ips_history r ON r.source_id = t.source_id
WHERE r.valid_from > t.from_id AND r.valid_from <= t.to_id AND r.valid_to > t.to_id AND NOT EXISTS (SELECT 1 FROM public_ips_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.public_ip IS NOT DISTINCT FROM r.public_ip AND o.type IS NOT DISTINCT FROM r.type AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'public_ips' AS table_name,
       'delete' AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN public_ips_history r ON r.source_id = t.source_id
WHERE r.valid_from <= t.from_id AND r.valid_to > t.from_id AND r.valid_to <= t.to_id
  AND NOT EXISTS (SELECT 1 FROM public_ips o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id)
  AND NOT EXISTS (SELECT 1 FROM public_ips_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id AND o.valid_to > t.to_id)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'child_jobs' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM child_jobs_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN child_jobs r ON r.source_id = t.source_id
WHERE t.from_id = 0 AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM child_jobs_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.name IS NOT DISTINCT FROM r.name AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'child_jobs' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM child_jobs_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN child_jobs r ON r.source_id = t.source_id
WHERE t.from_id > 0 AND r.valid_from > 1 AND r.valid_from > t.from_id AND r.valid_from <= t.to_id AND NOT EXISTS (SELECT 1 FROM child_jobs_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.name IS NOT DISTINCT FROM r.name AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'child_jobs' AS table_name,
       CASE WHEN EXISTS (SELECT 1 FROM child_jobs_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id) THEN 'update' ELSE 'create' END AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN child_jobs_history r ON r.source_id = t.source_id
WHERE r.valid_from > t.from_id AND r.valid_from <= t.to_id AND r.valid_to > t.to_id AND NOT EXISTS (SELECT 1 FROM child_jobs_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from <= t.from_id AND o.valid_to > t.from_id AND o.valid_to <= t.to_id AND o.name IS NOT DISTINCT FROM r.name AND o.extra IS NOT DISTINCT FROM r.extra)
UNION ALL
SELECT t.source, t.source_id, t.to_id AS snapshot_id, t.observed_to, 'child_jobs' AS table_name,
       'delete' AS action, r.job_id AS job_id, json_build_object('job_id', r.job_id, 'id', r.id, 'occurrence', r.occurrence) AS key
FROM steps t JOIN child_jobs_history r ON r.source_id = t.source_id
WHERE r.valid_from <= t.from_id AND r.valid_to > t.from_id AND r.valid_to <= t.to_id
  AND NOT EXISTS (SELECT 1 FROM child_jobs o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id)
  AND NOT EXISTS (SELECT 1 FROM child_jobs_history o WHERE o.source_id = r.source_id AND o.job_id = r.job_id AND o.id = r.id AND o.occurrence = r.occurrence AND o.valid_from > t.from_id AND o.valid_from <= t.to_id AND o.valid_to > t.to_id)
""",
    "refuse_history": """
CREATE FUNCTION refuse_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT coalesce((SELECT pruning FROM maintenance), false) THEN
    RAISE EXCEPTION 'history is append-only: only `inventory prune` deletes from it';
  END IF;
  RETURN NULL;
END $$
""",
    "refuse_snapshot": """
CREATE FUNCTION refuse_snapshot() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.digest <> '' AND NOT coalesce((SELECT pruning FROM maintenance), false) THEN
    RAISE EXCEPTION 'a finished snapshot does not change';
  END IF;
  RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$
""",
    "jobs_history_append_only": """
CREATE TRIGGER jobs_history_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON jobs_history
FOR EACH STATEMENT EXECUTE FUNCTION refuse_history()
""",
    "endpoints_history_append_only": """
CREATE TRIGGER endpoints_history_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON endpoints_history
FOR EACH STATEMENT EXECUTE FUNCTION refuse_history()
""",
    "object_infos_history_append_only": """
CREATE TRIGGER object_infos_history_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON object_infos_history
FOR EACH STATEMENT EXECUTE FUNCTION refuse_history()
""",
    "tags_history_append_only": """
CREATE TRIGGER tags_history_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tags_history
FOR EACH STATEMENT EXECUTE FUNCTION refuse_history()
""",
    "speed_limits_history_append_only": """
CREATE TRIGGER speed_limits_history_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON speed_limits_history
FOR EACH STATEMENT EXECUTE FUNCTION refuse_history()
""",
    "alarm_subscriptions_history_append_only": """
CREATE TRIGGER alarm_subscriptions_history_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON alarm_subscriptions_history
FOR EACH STATEMENT EXECUTE FUNCTION refuse_history()
""",
    "alarm_endpoints_history_append_only": """
CREATE TRIGGER alarm_endpoints_history_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON alarm_endpoints_history
FOR EACH STATEMENT EXECUTE FUNCTION refuse_history()
""",
    "filter_conditions_history_append_only": """
CREATE TRIGGER filter_conditions_history_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON filter_conditions_history
FOR EACH STATEMENT EXECUTE FUNCTION refuse_history()
""",
    "filter_object_infos_history_append_only": """
CREATE TRIGGER filter_object_infos_history_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON filter_object_infos_history
FOR EACH STATEMENT EXECUTE FUNCTION refuse_history()
""",
    "public_ips_history_append_only": """
CREATE TRIGGER public_ips_history_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON public_ips_history
FOR EACH STATEMENT EXECUTE FUNCTION refuse_history()
""",
    "child_jobs_history_append_only": """
CREATE TRIGGER child_jobs_history_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON child_jobs_history
FOR EACH STATEMENT EXECUTE FUNCTION refuse_history()
""",
    "job_listings_history_append_only": """
CREATE TRIGGER job_listings_history_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON job_listings_history
FOR EACH STATEMENT EXECUTE FUNCTION refuse_history()
""",
    "findings_history_append_only": """
CREATE TRIGGER findings_history_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON findings_history
FOR EACH STATEMENT EXECUTE FUNCTION refuse_history()
""",
    "job_digests_history_append_only": """
CREATE TRIGGER job_digests_history_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON job_digests_history
FOR EACH STATEMENT EXECUTE FUNCTION refuse_history()
""",
    "snapshots_append_only": """
CREATE TRIGGER snapshots_append_only BEFORE UPDATE OR DELETE ON snapshots
FOR EACH ROW EXECUTE FUNCTION refuse_snapshot()
""",
}


def upgrade() -> None:
    op.create_table(
        'job_digests',
        sa.Column('source_id', sa.BigInteger(), autoincrement=False, nullable=False, comment='The source: sources.id'),
        sa.Column('job_id', TEXT, nullable=False, comment="The job; '' for what is the source's own"),
        sa.Column('digest', TEXT, nullable=False, comment='SHA-256 over the sorted digests of its rows, in hex'),
        sa.Column('row_digests', sa.LargeBinary(), nullable=False, comment='For each of its rows table, key and the first 8 digits of its digest: zlib, a line a row'),
        sa.Column('valid_from', sa.BigInteger(), autoincrement=False, nullable=False, comment='The snapshot that first saw the job so: snapshots.id'),
        sa.ForeignKeyConstraint(['source_id'], ['sources.id']),
        sa.PrimaryKeyConstraint('source_id', 'job_id'),
        comment='The digest of each job, and of its rows: so that verify can name the row that was altered.',
    )
    op.create_table(
        'job_digests_history',
        sa.Column('source_id', sa.BigInteger(), autoincrement=False, nullable=False, comment='The source: sources.id'),
        sa.Column('job_id', TEXT, autoincrement=False, nullable=False, comment="The job; '' for what is the source's own"),
        sa.Column('digest', TEXT, autoincrement=False, nullable=False, comment='SHA-256 over the sorted digests of its rows, in hex'),
        sa.Column('row_digests', sa.LargeBinary(), autoincrement=False, nullable=False, comment='For each of its rows table, key and the first 8 digits of its digest: zlib, a line a row'),
        sa.Column('valid_from', sa.BigInteger(), autoincrement=False, nullable=False, comment='The snapshot that first saw the job so: snapshots.id'),
        sa.Column('valid_to', sa.BigInteger(), autoincrement=False, nullable=False, comment='The first snapshot that no longer saw the row so: snapshots.id'),
        sa.PrimaryKeyConstraint('source_id', 'job_id', 'valid_from'),
        comment='Superseded rows of job_digests: The digest of each job, and of its rows: so that verify can name the row that was altered.',
    )
    op.create_table(
        'maintenance',
        sa.Column('id', sa.Integer(), autoincrement=False, nullable=False, comment='1: there is one row'),
        sa.Column('pruning', sa.Boolean(), nullable=False, comment='Whether history may be deleted: true inside prune alone'),
        sa.PrimaryKeyConstraint('id'),
        comment='What opens the append-only tables to prune, for as long as its transaction lasts.',
    )
    op.bulk_insert(sa.table("maintenance", sa.column("id"), sa.column("pruning")), [{"id": 1, "pruning": False}])
    for name in TABLES:
        op.create_index(f"ix_{name}_valid_from", name, ["valid_from"], sqlite_where=LATER, postgresql_where=LATER)
        for column in ("valid_from", "valid_to"):
            op.create_index(f"ix_{name}_history_{column}", f"{name}_history", [column])
    for statement in _statements().values():
        op.execute(sa.text(statement.replace(":", "\\:")))


def downgrade() -> None:
    for name in reversed(_statements()):
        if name == "changes":
            op.execute("DROP VIEW changes")
        elif name.startswith("refuse_"):
            op.execute(f"DROP FUNCTION {name}()")
        elif op.get_bind().dialect.name == "sqlite":
            op.execute(f"DROP TRIGGER {name}")
        else:
            op.execute(f"DROP TRIGGER {name} ON {name.removesuffix('_append_only')}")
    for name in TABLES:
        op.drop_index(f"ix_{name}_valid_from", name)
        for column in ("valid_from", "valid_to"):
            op.drop_index(f"ix_{name}_history_{column}", f"{name}_history")
    for name in ("maintenance", "job_digests_history", "job_digests"):
        op.drop_table(name)


def _statements() -> dict[str, str]:
    return SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL
