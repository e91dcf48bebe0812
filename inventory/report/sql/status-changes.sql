-- name: status-changes
-- title: Changes of status
-- question: Which jobs changed their status since a time, from what to what?
-- param: since time = 7d: The time from which it counts
-- column: source text: The source
-- column: observed_to time: When the snapshot that saw it was observed
-- column: job_id text: The task, or the sub-task
-- column: name text: Its name
-- column: before text: Its status before
-- column: after text: Its status after
-- column: is_failed boolean: Whether the new status says that something failed
-- column: owner text: Whose it is now, by the tag of report.owner_tag
-- order: observed_to desc, source, job_id

WITH runs AS (
  SELECT p.source, p.source_id, p.job_id, p.name, p.status, p.from_time,
         lag(p.status) OVER (PARTITION BY p.source_id, p.job_id ORDER BY p.from_time) AS before,
         lag(p.to_time) OVER (PARTITION BY p.source_id, p.job_id ORDER BY p.from_time) AS ended
  FROM job_status_periods p
)
SELECT r.source, r.from_time AS observed_to, r.job_id, r.name, r.before, r.status AS after,
       coalesce(e.is_failed, FALSE) AS is_failed, coalesce(t.owner, u.owner) AS owner
FROM runs r
LEFT JOIN enum_values e ON e.table_name = 'jobs' AND e.column_name = 'status' AND e.value = upper(r.status)
LEFT JOIN tasks t ON t.source_id = r.source_id AND t.job_id = r.job_id
LEFT JOIN sub_tasks b ON b.source_id = r.source_id AND b.job_id = r.job_id
LEFT JOIN tasks u ON u.source_id = b.source_id AND u.job_id = b.parent_job_id
WHERE r.ended = r.from_time AND r.from_time >= :since
