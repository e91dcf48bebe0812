-- name: status-days
-- title: Time in each status
-- question: How long do tasks stay in each status?
-- column: source text: The source
-- column: status text: The status
-- column: phase text: Its phase
-- column: jobs integer: Tasks that were in it
-- column: runs integer: How often a task came into it
-- column: open_runs integer: Of these, how many last
-- column: days integer (days): In all
-- column: longest integer (days): The longest
-- order: source, status

SELECT p.source, p.status, max(p.phase) AS phase, count(DISTINCT p.job_id) AS jobs, count(*) AS runs,
       sum(CASE WHEN p.is_open THEN 1 ELSE 0 END) AS open_runs, sum(p.days) AS days, max(p.days) AS longest
FROM job_status_periods p
GROUP BY p.source, p.status
