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
GROUP BY c.month, d.day, d.source, j.status
