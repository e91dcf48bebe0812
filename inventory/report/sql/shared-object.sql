-- name: shared-object
-- title: Objects in two tasks
-- question: Which objects of one source database are in two tasks that have not ended?
-- column: host text: Host of the source database
-- column: port integer: Its port
-- column: type text: Kind of the object
-- column: object text: The object: object_infos.id
-- column: jobs integer: Tasks that have it
-- column: source text: The source
-- column: job_id text: The task
-- column: name text: Its name
-- column: status text: Its status
-- order: host, port, type, object, source, job_id

WITH seen AS (
  SELECT DISTINCT e.host, e.port, o.type, o.id AS object, t.source, t.job_id, t.name, t.status
  FROM object_infos o
  JOIN tasks t ON t.source_id = o.source_id AND t.job_id = o.job_id
  JOIN endpoint_security e ON e.source_id = o.source_id AND e.job_id = o.job_id
  WHERE e.role IN ('source', 'source_sharding') AND e.host IS NOT NULL AND t.is_active
    AND coalesce(o.is_selected, TRUE)
), shared AS (
  SELECT s.host, coalesce(s.port, -1) AS known_port, s.type, s.object, count(*) AS jobs
  FROM seen s
  GROUP BY s.host, coalesce(s.port, -1), s.type, s.object
  HAVING count(*) > 1
)
SELECT s.host, s.port, s.type, s.object, h.jobs, s.source, s.job_id, s.name, s.status
FROM seen s
JOIN shared h ON h.host = s.host AND h.known_port = coalesce(s.port, -1) AND h.type = s.type AND h.object = s.object
