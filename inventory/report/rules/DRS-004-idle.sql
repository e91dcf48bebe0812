-- id: DRS-004
-- name: idle
-- title: Task is idle after its full transfer
-- severity: medium
-- meaning: The transfer is complete and nothing follows, but the instance is still billed and still holds credentials of both databases.
-- remedy: Check the target and release the task; or start the incremental phase.
-- sla_days: 14
-- identity: job_id
-- param: days integer = 30: Days from the end of the full transfer

SELECT t.source, t.job_id, '' AS key, 'full transfer complete for ' || CAST(:days AS VARCHAR) || ' days or more' AS detail
FROM tasks t
WHERE t.idle_days >= :days
