-- id: DRS-010
-- name: shared-object
-- title: Object of one database is in two tasks
-- severity: medium
-- meaning: Two tasks that move the same object may write it to the same target twice, and each of them loads the source. Only tasks of one source are compared.
-- remedy: Take the object out of one of the tasks; waive the result where two targets are meant.
-- sla_days: 14
-- identity: job_id, key

WITH seen AS (
  SELECT DISTINCT t.source, t.job_id, e.host, coalesce(e.port, -1) AS port, o.type, o.id AS object
  FROM object_infos o
  JOIN tasks t ON t.source_id = o.source_id AND t.job_id = o.job_id
  JOIN endpoint_security e ON e.source_id = o.source_id AND e.job_id = o.job_id
  WHERE e.role IN ('source', 'source_sharding') AND e.host IS NOT NULL AND t.is_active
    AND coalesce(o.is_selected, TRUE)
)
SELECT s.source, s.job_id,
       s.type || ' ' || s.object || ' at ' || s.host || CASE WHEN s.port < 0 THEN '' ELSE ':' || CAST(s.port AS VARCHAR) END AS key,
       'also in ' || min(o.job_id) AS detail
FROM seen s
JOIN seen o ON o.host = s.host AND o.port = s.port AND o.type = s.type AND o.object = s.object AND o.job_id <> s.job_id
GROUP BY s.source, s.job_id, s.type, s.object, s.host, s.port
