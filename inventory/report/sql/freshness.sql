-- name: freshness
-- title: How fresh each source is
-- question: When was each source last read, and which nights were missed?
-- column: source text: The source
-- column: snapshot_id integer: The last complete snapshot
-- column: observed_to time: When its last answer was observed
-- column: observed_age_seconds integer (seconds): How long ago that was
-- column: last_status text: Status of the last snapshot: complete or partial
-- column: last_partial_at time: When the last partial snapshot was observed
-- column: missed_days integer (days): Days without a snapshot
-- order: source

SELECT f.source, f.snapshot_id, f.observed_to, f.observed_age_seconds, f.last_status, f.last_partial_at, f.missed_days
FROM freshness f
