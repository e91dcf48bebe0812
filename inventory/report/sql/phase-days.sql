-- name: phase-days
-- title: Jobs by phase, day by day
-- question: How many jobs, sub-tasks included, were in each phase at the end of each day?
-- param: since date = 30d: The first day
-- param: owner text = NULL: Only jobs that are this owner's now, by the tag of report.owner_tag; NULL for all
-- column: day date: The UTC day
-- column: source text: The source
-- column: phase text: Phase of the status; failed for one that says so, unknown for one that is not documented
-- column: jobs integer: Jobs in it; where a day was missed, those of the last snapshot before
-- order: day, source, phase

WITH owned AS (
  SELECT t.source_id, t.job_id FROM tasks t WHERE t.owner = :owner
), chosen AS (
  SELECT o.source_id, o.job_id FROM owned o
  UNION
  SELECT b.source_id, b.job_id FROM sub_tasks b JOIN owned o ON o.source_id = b.source_id AND o.job_id = b.parent_job_id
), versions AS (
  SELECT j.source_id, j.id AS job_id, j.status, j.valid_from, CAST(NULL AS BIGINT) AS valid_to FROM jobs j
  UNION ALL
  SELECT h.source_id, h.id AS job_id, h.status, h.valid_from, h.valid_to FROM jobs_history h
), counted AS (
  SELECT v.source_id, v.status, v.valid_from, v.valid_to, count(*) AS jobs
  FROM versions v
  WHERE :owner IS NULL OR EXISTS (SELECT 1 FROM chosen c WHERE c.source_id = v.source_id AND c.job_id = v.job_id)
  GROUP BY v.source_id, v.status, v.valid_from, v.valid_to
), steps AS (
  SELECT c.source_id, c.status, c.valid_from AS snapshot_id, c.jobs FROM counted c
  UNION ALL
  SELECT c.source_id, c.status, c.valid_to AS snapshot_id, -c.jobs AS jobs FROM counted c WHERE c.valid_to IS NOT NULL
), sums AS (
  SELECT s.source_id, CASE WHEN e.is_failed THEN 'failed' ELSE coalesce(e.phase, 'unknown') END AS phase, s.snapshot_id,
         sum(s.jobs) AS step
  FROM steps s
  LEFT JOIN enum_values e ON e.table_name = 'jobs' AND e.column_name = 'status' AND e.value = upper(s.status)
  GROUP BY s.source_id, CASE WHEN e.is_failed THEN 'failed' ELSE coalesce(e.phase, 'unknown') END, s.snapshot_id
), marked AS (
  SELECT s.source_id, s.phase, s.snapshot_id, s.step, CAST(NULL AS DATE) AS day, NULL AS source FROM sums s
  UNION ALL
  SELECT d.source_id, f.phase, d.snapshot_id, 0 AS step, d.day, d.source
  FROM days d
  JOIN (SELECT DISTINCT source_id, phase FROM sums) f ON f.source_id = d.source_id
  WHERE d.day >= :since
), totals AS (
  SELECT m.day, m.source, m.phase,
         sum(m.step) OVER (PARTITION BY m.source_id, m.phase ORDER BY m.snapshot_id, CASE WHEN m.day IS NULL THEN 0 ELSE 1 END) AS jobs
  FROM marked m
)
SELECT t.day, t.source, t.phase, CAST(t.jobs AS BIGINT) AS jobs
FROM totals t
WHERE t.day IS NOT NULL AND t.jobs > 0
