-- id: DRS-002
-- name: no-tls
-- title: Connection to a database is not encrypted
-- severity: high
-- meaning: Rows and the database user's password cross the network in clear.
-- remedy: Switch SSL on for the endpoint (for Kafka: SSL or SASL_SSL), with the database's certificate.
-- sla_days: 30
-- identity: job_id, key

SELECT e.source, e.job_id,
       e.role || ' ' || coalesce(e.host, '-') || ':' || coalesce(CAST(e.port AS VARCHAR), '-') AS key,
       coalesce(e.db_type, 'database') || ' without TLS' AS detail
FROM endpoint_security e
WHERE e.tls = 'off' AND (e.source_id, e.job_id) IN (SELECT t.source_id, t.job_id FROM tasks t WHERE t.is_active)
