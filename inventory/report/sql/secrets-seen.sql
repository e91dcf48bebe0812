-- name: secrets-seen
-- title: Secrets that the service sent
-- question: Which tasks' answers had a secret in clear? It was masked; the service should not send it.
-- column: source text: The source
-- column: job_id text: The task
-- column: name text: Its name
-- column: role text: Where the endpoint stands in the task
-- column: column_name text: The column of endpoints
-- column: times integer: How many
-- column: owner text: Whose it is, by the tag of report.owner_tag
-- order: source, job_id, role, column_name

WITH seen AS (
  SELECT source_id, job_id, role, 'db_password' AS column_name, db_password AS mask FROM endpoints WHERE db_password IS NOT NULL
  UNION ALL
  SELECT source_id, job_id, role, 'ssl_cert_password' AS column_name, ssl_cert_password AS mask FROM endpoints WHERE ssl_cert_password IS NOT NULL
  UNION ALL
  SELECT source_id, job_id, role, 'ssl_cert_key' AS column_name, ssl_cert_key AS mask FROM endpoints WHERE ssl_cert_key IS NOT NULL
  UNION ALL
  SELECT source_id, job_id, role, 'kafka_security_config_trust_store_key' AS column_name, kafka_security_config_trust_store_key AS mask FROM endpoints WHERE kafka_security_config_trust_store_key IS NOT NULL
  UNION ALL
  SELECT source_id, job_id, role, 'kafka_security_config_trust_store_password' AS column_name, kafka_security_config_trust_store_password AS mask FROM endpoints WHERE kafka_security_config_trust_store_password IS NOT NULL
  UNION ALL
  SELECT source_id, job_id, role, 'kafka_security_config_key_store_key' AS column_name, kafka_security_config_key_store_key AS mask FROM endpoints WHERE kafka_security_config_key_store_key IS NOT NULL
  UNION ALL
  SELECT source_id, job_id, role, 'kafka_security_config_key_store_password' AS column_name, kafka_security_config_key_store_password AS mask FROM endpoints WHERE kafka_security_config_key_store_password IS NOT NULL
  UNION ALL
  SELECT source_id, job_id, role, 'kafka_security_config_key_password' AS column_name, kafka_security_config_key_password AS mask FROM endpoints WHERE kafka_security_config_key_password IS NOT NULL
)
SELECT s.name AS source, e.job_id, j.name, e.role, e.column_name, count(*) AS times, max(t.owner) AS owner
FROM seen e
JOIN sources s ON s.id = e.source_id
JOIN jobs j ON j.source_id = e.source_id AND j.id = e.job_id
LEFT JOIN tasks t ON t.source_id = e.source_id AND t.job_id = e.job_id
WHERE e.mask <> '******'
GROUP BY s.name, e.job_id, j.name, e.role, e.column_name
