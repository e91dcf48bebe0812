-- id: DRS-010
-- name: shared-object
-- title: Object of one database is in two tasks
-- severity: medium
-- meaning: Two tasks that move the same object may write it to the same target twice, and each of them loads the source. Only tasks of one source are compared.
-- remedy: Take the object out of one of the tasks; waive the result where two targets are meant.
-- sla_days: 14
-- identity: job_id, key

WITH hosts AS (
  SELECT DISTINCT e.source, e.source_id, e.job_id, e.host, coalesce(e.port, -1) AS port
  FROM endpoint_security e
  WHERE e.role <> 'target' AND e.role <> 'dmq'
    AND (e.source_id, e.job_id) IN (SELECT t.source_id, t.job_id FROM tasks t WHERE t.is_active)
), seen AS (
  SELECT DISTINCT h.source, h.job_id, h.host, h.port, o.type, o.id AS object
  FROM hosts h
  CROSS JOIN object_infos o
  WHERE o.source_id = h.source_id AND o.job_id = h.job_id AND coalesce(o.is_selected, TRUE)
)
SELECT s.source, s.job_id,
       s.type || ' ' || s.object || ' at ' || s.host || CASE WHEN s.port < 0 THEN '' ELSE ':' || CAST(s.port AS VARCHAR) END AS key,
       'also in ' || min(o.job_id) AS detail
FROM seen s
JOIN seen o ON o.host = s.host AND o.port = s.port AND o.type = s.type AND o.object = s.object AND o.job_id <> s.job_id
GROUP BY s.source, s.job_id, s.type, s.object, s.host, s.port
