-- name: new
-- title: New tasks
-- question: Which tasks were seen for the first time?
-- param: since time = 7d: The time from which it counts; what the first snapshot saw is not new
-- column: source text: The source
-- column: job_id text: The task
-- column: name text: Its name
-- column: status text: Its status
-- column: first_seen time: When the first snapshot that saw it was observed
-- column: created time: When it was created, by the service
-- column: owner text: Whose it is, by the tag of report.owner_tag
-- order: first_seen desc, source, job_id

WITH first AS (
  SELECT p.source_id, p.id, min(p.valid_from) AS valid_from FROM jobs_periods p GROUP BY p.source_id, p.id
)
SELECT s.name AS source, j.id AS job_id, j.name, j.status, coalesce(n.observed_to, n.finished_at) AS first_seen,
       j.create_time AS created, t.owner
FROM first f
JOIN jobs j ON j.source_id = f.source_id AND j.id = f.id
JOIN sources s ON s.id = f.source_id
JOIN snapshots n ON n.id = f.valid_from
LEFT JOIN tasks t ON t.source_id = j.source_id AND t.job_id = j.id
WHERE coalesce(n.observed_to, n.finished_at) >= :since
  AND EXISTS (SELECT 1 FROM snapshots b WHERE b.source_id = f.source_id AND b.id < f.valid_from)
