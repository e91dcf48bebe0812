-- name: unowned
-- title: Tasks without an owner
-- question: Which tasks that have not ended have no owner tag, or an empty one?
-- column: source text: The source
-- column: job_id text: The task
-- column: name text: Its name
-- column: status text: Its status
-- column: age_days integer (days): Since its creation, up to the source's last snapshot
-- order: source, job_id

SELECT t.source, t.job_id, t.name, t.status, t.age_days
FROM tasks t
WHERE t.owner IS NULL AND t.is_active
