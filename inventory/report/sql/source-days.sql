-- name: source-days
-- title: Each source, day by day
-- question: On which days was each source read, and which were missed?
-- param: since date = 30d: The first day
-- column: source text: The source
-- column: day date: The UTC day
-- column: state text: complete or partial, by the day's last snapshot; missed where no snapshot is of the day
-- column: snapshot_id integer: The last snapshot at the end of the day
-- column: observed_to time: When its last answer was observed
-- column: age_days integer (days): Days since that snapshot
-- order: source, day

SELECT d.source, d.day, CASE WHEN d.is_missed THEN 'missed' ELSE n.status END AS state, d.snapshot_id,
       coalesce(n.observed_to, n.finished_at) AS observed_to, d.age_days
FROM days d
JOIN snapshots n ON n.id = d.snapshot_id
WHERE d.day >= :since
