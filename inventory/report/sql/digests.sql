-- name: digests
-- title: The digest of each snapshot
-- question: Which snapshots are there, and what is the digest of each?
-- param: since time = 30d: The time from which it counts
-- column: source text: The source
-- column: snapshot_id integer: The snapshot
-- column: observed_to time: When its last answer was observed
-- column: status text: complete or partial
-- column: jobs integer: Jobs in it
-- column: digest text: SHA-256 that chains it to the one before; `inventory verify` recomputes it
-- order: observed_to desc, source, snapshot_id

SELECT s.name AS source, n.id AS snapshot_id, coalesce(n.observed_to, n.finished_at) AS observed_to, n.status, n.jobs, n.digest
FROM snapshots n
JOIN sources s ON s.id = n.source_id
WHERE coalesce(n.observed_to, n.finished_at) >= :since
