-- id: DRS-007
-- name: writable-target
-- title: Target of a migration can be written
-- severity: high
-- meaning: Whoever writes to the target during a migration makes rows that conflict with those of the source, or that the cut-over loses.
-- remedy: Make the target read-only for the time of the migration.
-- sla_days: 7
-- identity: job_id

SELECT t.source, t.job_id, '' AS key, 'the target is not read-only' AS detail
FROM tasks t
JOIN jobs j ON j.source_id = t.source_id AND j.id = t.job_id
WHERE j.db_use_type = 'migration' AND NOT coalesce(j.is_target_readonly, FALSE) AND t.is_active
