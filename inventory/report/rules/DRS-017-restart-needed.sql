-- id: DRS-017
-- name: restart-needed
-- title: Instance needs to be restarted
-- severity: medium
-- meaning: A change waits for a restart, and the task runs with its old settings until then.
-- remedy: Restart the instance in a window that the owner agrees to.
-- sla_days: 7
-- identity: job_id

SELECT t.source, t.job_id, '' AS key, 'restart needed' AS detail
FROM tasks t
JOIN jobs j ON j.source_id = t.source_id AND j.id = t.job_id
WHERE j.need_restart AND t.is_active
