-- name: stuck
-- title: Tasks that stand in one status for too long
-- question: Which tasks have been in a status that should pass soon for days?
-- param: days integer = 7: The days from which it counts
-- column: source text: The source
-- column: job_id text: The task
-- column: name text: Its name
-- column: status text: Its status
-- column: phase text: The status's phase
-- column: since time: When the first snapshot that saw it so was observed
-- column: days integer (days): For how long, up to the source's last snapshot
-- column: owner text: Whose it is, by the tag of report.owner_tag
-- order: since, source, job_id

SELECT t.source, t.job_id, t.name, t.status, t.phase, p.from_time AS since, p.days, t.owner
FROM tasks t
JOIN job_status_periods p ON p.source_id = t.source_id AND p.job_id = t.job_id AND p.is_open
WHERE t.phase IN ('setup', 'full', 'change', 'release') AND NOT t.is_failed
  AND upper(t.status) <> 'FULL_TRANSFER_COMPLETE' AND p.days >= :days
