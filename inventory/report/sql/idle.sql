-- name: idle
-- title: Idle after the full transfer
-- question: Which tasks finished their full transfer long ago and were not ended?
-- param: days integer = 30: The days from which it counts
-- column: source text: The source
-- column: job_id text: The task
-- column: name text: Its name
-- column: status text: Its status
-- column: idle_days integer (days): Since the full transfer ended, up to the source's last snapshot
-- column: owner text: Whose it is, by the tag of report.owner_tag
-- order: idle_days desc, source, job_id

SELECT t.source, t.job_id, t.name, t.status, t.idle_days, t.owner
FROM tasks t
WHERE t.idle_days >= :days
