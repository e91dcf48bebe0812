-- name: writable-target
-- title: Migrations into a target that can be written
-- question: Which migrations have a destination that others can write to?
-- column: source text: The source
-- column: job_id text: The task
-- column: name text: Its name
-- column: status text: Its status
-- column: owner text: Whose it is, by the tag of report.owner_tag
-- order: source, job_id

SELECT t.source, t.job_id, t.name, t.status, t.owner
FROM tasks t
JOIN jobs j ON j.source_id = t.source_id AND j.id = t.job_id
WHERE j.db_use_type = 'migration' AND NOT coalesce(j.is_target_readonly, FALSE) AND t.is_active
