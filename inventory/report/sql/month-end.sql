-- name: month-end
-- title: Tasks by status at the end of each month
-- question: How many tasks were in each status at the end of each month?
-- column: month text: The month: YYYY-MM
-- column: day date: Its last day that the calendar has
-- column: source text: The source
-- column: status text: The status
-- column: jobs integer: Tasks in it
-- order: month, source, status

SELECT c.month, d.day, d.source, j.status, count(*) AS jobs
FROM (SELECT month, max(day) AS day FROM calendar GROUP BY month) c
JOIN days d ON d.day = c.day
JOIN jobs_as_of j ON j.source_id = d.source_id AND j.snapshot_id = d.snapshot_id
WHERE (j.parent_id IS NULL OR j.parent_id = j.id) AND NOT EXISTS (
  SELECT 1 FROM job_listings_as_of l
  WHERE l.source_id = d.source_id AND l.snapshot_id = d.snapshot_id AND l.job_id = j.id AND l.parent_job_id IS NOT NULL
)
GROUP BY c.month, d.day, d.source, j.status
