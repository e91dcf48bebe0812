-- id: DRS-009
-- name: source-stale
-- title: Source has no recent complete snapshot
-- severity: critical
-- meaning: What this database says of the source is old, and every other rule calls it unknown.
-- remedy: Run inventory doctor and inventory export --source NAME; look at the log of the nightly job.
-- sla_days: 1
-- identity: source
-- max_age: none
-- param: since time = 36h: The time since when there must be one

SELECT s.name AS source, '' AS job_id, '' AS key, 'no complete snapshot in the last 36 hours' AS detail
FROM sources s
WHERE s.retired_at IS NULL AND NOT EXISTS (
  SELECT 1 FROM snapshots n
  WHERE n.source_id = s.id AND n.status = 'complete' AND coalesce(n.observed_to, n.finished_at) >= :since
)
