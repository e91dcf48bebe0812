-- id: DRS-012
-- name: stuck
-- title: Task stands in a status that should pass
-- severity: medium
-- meaning: A full transfer, a change, a pause or a release has lasted for a week. A pause that outlives the source's log cannot be resumed.
-- remedy: Look at the task's progress and log in the console; resume it, or release it.
-- sla_days: 3
-- identity: job_id
-- param: since time = 7d: The time before which it began, or was last updated

SELECT t.source, t.job_id, '' AS key, t.status AS detail
FROM tasks t
JOIN jobs j ON j.source_id = t.source_id AND j.id = t.job_id
WHERE NOT t.is_failed AND t.is_active AND upper(t.status) <> 'FULL_TRANSFER_COMPLETE' AND (
  (t.phase = 'full' AND coalesce(j.actual_start_time, j.create_time) < :since)
  OR (t.phase IN ('change', 'release') AND coalesce(j.update_time, j.create_time) < :since)
)
