-- id: DRS-001
-- name: failed
-- title: Task or sub-task has failed
-- severity: high
-- meaning: A task that has failed replicates nothing. The longer it stands, the more of the source's log it needs, until that is no longer there and the task must begin anew.
-- remedy: Read error_code and error_message of the job (inventory show JOB_ID), remove the cause, and resume the task or release it.
-- sla_days: 1
-- identity: job_id

SELECT t.source, t.job_id, '' AS key,
       t.status || CASE WHEN j.error_code IS NULL THEN '' ELSE ', error ' || j.error_code END AS detail
FROM tasks t
JOIN jobs j ON j.source_id = t.source_id AND j.id = t.job_id
WHERE t.is_failed
UNION ALL
SELECT b.source, b.job_id, '' AS key, b.status || ', sub-task of ' || b.parent_job_id AS detail
FROM sub_tasks b
WHERE upper(b.status) LIKE '%FAILED'
