-- id: DRS-011
-- name: kafka-host-check
-- title: Kafka's host name is not checked against its certificate
-- severity: medium
-- meaning: Without this check any holder of a certificate that the same authority signed can stand in for the broker.
-- remedy: Set the endpoint identification algorithm to https.
-- sla_days: 30
-- identity: job_id, key

SELECT s.name AS source, e.job_id, e.role || ' ' || coalesce(e.ip, '-') AS key, e.kafka_security_config_type AS detail
FROM endpoints e
JOIN sources s ON s.id = e.source_id
WHERE e.db_type = 'kafka' AND e.kafka_security_config_type IN ('SSL', 'SASL_SSL')
  AND coalesce(e.kafka_security_config_endpoint_algorithm, '') = ''
  AND (e.source_id, e.job_id) IN (SELECT t.source_id, t.job_id FROM tasks t WHERE t.is_active)
