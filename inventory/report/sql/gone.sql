-- name: gone
-- title: Tasks that are gone
-- question: Which tasks are gone, in which state were they last, and whose were they?
-- param: since time = 30d: The time from which it counts
-- column: source text: The source
-- column: job_id text: The task
-- column: name text: Its name
-- column: status text: Its last status
-- column: gone_at time: When the first snapshot without it was observed
-- column: owner text: Whose it was, by the tag of report.owner_tag
-- column: evidence text: What the service said of it; NULL where the configuration names it no more, or the evidence was pruned
-- order: gone_at desc, source, job_id

WITH last AS (
  SELECT h.source_id, h.id, max(h.valid_to) AS valid_to FROM jobs_history h
  WHERE NOT EXISTS (SELECT 1 FROM jobs j WHERE j.source_id = h.source_id AND j.id = h.id)
  GROUP BY h.source_id, h.id
)
SELECT s.name AS source, h.id AS job_id, h.name, h.status, coalesce(n.observed_to, n.finished_at) AS gone_at,
       (SELECT max(t.value) FROM tags_history t
        WHERE t.source_id = h.source_id AND t.job_id = h.id AND t.valid_to = l.valid_to AND t.value <> ''
          AND t.key = (SELECT w.value FROM report_settings w WHERE w.name = 'owner_tag')) AS owner,
       (SELECT max(f.detail) FROM findings_periods f
        WHERE f.source_id = h.source_id AND f.job_id = h.id AND f.kind = 'absent_job' AND f.valid_from >= l.valid_to) AS evidence
FROM last l
JOIN jobs_history h ON h.source_id = l.source_id AND h.id = l.id AND h.valid_to = l.valid_to
JOIN sources s ON s.id = l.source_id
JOIN snapshots n ON n.id = l.valid_to
WHERE coalesce(n.observed_to, n.finished_at) >= :since
