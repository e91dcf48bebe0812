-- id: DRS-006
-- name: no-owner
-- title: Task has no owner
-- severity: low
-- meaning: Nobody is told of its failures, and nobody decides when it may be released.
-- remedy: Tag the task with its owner: the key is report.owner_tag of the configuration.
-- sla_days: 30
-- identity: job_id

SELECT t.source, t.job_id, '' AS key, 'no owner tag' AS detail
FROM tasks t
WHERE t.owner IS NULL AND t.is_active
