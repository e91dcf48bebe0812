-- id: DRS-008
-- name: failed-unheard
-- title: Failed task sends its alarms to nobody
-- severity: critical
-- meaning: The task has failed, and it has no receiver of alarms: nobody was told.
-- remedy: Tell the owner, and add a receiver of alarms to the task.
-- sla_days: 1
-- identity: job_id

SELECT t.source, t.job_id, '' AS key, t.status AS detail
FROM tasks t
WHERE t.is_failed AND NOT EXISTS (
  SELECT 1 FROM alarm_endpoints a WHERE a.source_id = t.source_id AND a.job_id = t.job_id
)
