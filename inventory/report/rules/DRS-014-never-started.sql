-- id: DRS-014
-- name: never-started
-- title: Task was configured and never started
-- severity: low
-- meaning: It was left half made, yet it is billed and may hold credentials.
-- remedy: Start it or release it.
-- sla_days: 14
-- identity: job_id
-- param: since time = 14d: The time before which it was created

SELECT t.source, t.job_id, '' AS key, t.status AS detail
FROM tasks t
JOIN jobs j ON j.source_id = t.source_id AND j.id = t.job_id
WHERE upper(t.status) IN ('CREATING', 'CONFIGURATION', 'WAITING_FOR_START') AND j.actual_start_time IS NULL
  AND j.create_time < :since AND (j.inst_info_start_time IS NULL OR j.inst_info_start_time < :now)
