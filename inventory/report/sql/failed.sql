-- name: failed
-- title: Failed tasks, and since when
-- question: Which tasks and sub-tasks have failed, since when, and whose are they?
-- column: source text: The source
-- column: job_id text: The task, or the sub-task
-- column: name text: Its name
-- column: status text: Its status
-- column: since time: When the first snapshot that saw it failed was observed; NULL of a sub-task that is not read itself
-- column: since_first_night boolean: Whether it had failed in the source's first snapshot already: then it failed before
-- column: days integer (days): For how long, up to the source's last snapshot
-- column: error_code text: The service's code
-- column: parent_job_id text: The task that it is part of
-- column: owner text: Whose it is, by the tag of report.owner_tag
-- order: since, source, job_id

SELECT p.source, p.job_id, p.name, p.status, p.from_time AS since, p.is_first_night AS since_first_night, p.days,
       j.error_code, b.parent_job_id, coalesce(t.owner, u.owner) AS owner
FROM job_status_periods p
JOIN jobs j ON j.source_id = p.source_id AND j.id = p.job_id
LEFT JOIN tasks t ON t.source_id = p.source_id AND t.job_id = p.job_id
LEFT JOIN sub_tasks b ON b.source_id = p.source_id AND b.job_id = p.job_id
LEFT JOIN tasks u ON u.source_id = b.source_id AND u.job_id = b.parent_job_id
WHERE p.is_open AND upper(p.status) LIKE '%FAILED'
UNION ALL
SELECT b.source, b.job_id, b.name, b.status, NULL AS since, NULL AS since_first_night, NULL AS days,
       NULL AS error_code, b.parent_job_id, t.owner
FROM sub_tasks b
LEFT JOIN tasks t ON t.source_id = b.source_id AND t.job_id = b.parent_job_id
WHERE upper(b.status) LIKE '%FAILED'
  AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.source_id = b.source_id AND j.id = b.job_id)
