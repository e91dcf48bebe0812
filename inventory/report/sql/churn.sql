-- name: churn
-- title: What each night changed
-- question: How many tasks came, changed and left in each snapshot?
-- param: since time = 30d: The time from which it counts
-- column: source text: The source
-- column: snapshot_id integer: The snapshot
-- column: observed_to time: When its last answer was observed
-- column: status text: complete or partial
-- column: jobs integer: Tasks in it
-- column: added integer: Tasks that came
-- column: changed integer: Tasks that changed
-- column: removed integer: Tasks that left
-- column: deselected integer: Tasks that left because the configuration names them no more
-- order: source, snapshot_id

SELECT s.name AS source, n.id AS snapshot_id, n.observed_to, n.status, n.jobs, n.added, n.changed, n.removed, n.deselected
FROM snapshots n
JOIN sources s ON s.id = n.source_id
WHERE coalesce(n.observed_to, n.finished_at) >= :since
