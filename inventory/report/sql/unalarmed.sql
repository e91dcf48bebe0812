-- name: unalarmed
-- title: Tasks whose failure nobody hears of
-- question: Which tasks that have not ended send their alarms to nobody?
-- column: source text: The source
-- column: job_id text: The task
-- column: name text: Its name
-- column: status text: Its status
-- column: is_failed boolean: Whether it has failed
-- column: owner text: Whose it is, by the tag of report.owner_tag
-- order: source, job_id

SELECT t.source, t.job_id, t.name, t.status, t.is_failed, t.owner
FROM tasks t
WHERE t.is_active AND NOT EXISTS (
  SELECT 1 FROM alarm_endpoints e WHERE e.source_id = t.source_id AND e.job_id = t.job_id
)
