-- id: DRS-013
-- name: secret-seen
-- title: Service sent a secret in clear
-- severity: high
-- meaning: The answer of the service had a password or a key. It was masked before it was stored, but whoever may read the task can read it.
-- remedy: Replace the password or the key, and ask the vendor's support why it is sent.
-- sla_days: 7
-- identity: job_id

SELECT DISTINCT s.name AS source, e.job_id, '' AS key, 'in the endpoint ' || e.role AS detail
FROM endpoints e
JOIN sources s ON s.id = e.source_id
WHERE coalesce(e.db_password, '******') <> '******'
  OR coalesce(e.ssl_cert_password, '******') <> '******'
  OR coalesce(e.ssl_cert_key, '******') <> '******'
  OR coalesce(e.kafka_security_config_trust_store_key, '******') <> '******'
  OR coalesce(e.kafka_security_config_trust_store_password, '******') <> '******'
  OR coalesce(e.kafka_security_config_key_store_key, '******') <> '******'
  OR coalesce(e.kafka_security_config_key_store_password, '******') <> '******'
  OR coalesce(e.kafka_security_config_key_password, '******') <> '******'
