-- name: lineage
-- title: Where tasks come from
-- question: Which tasks does each task descend from, belong to, or inherit from?
-- column: source text: The source
-- column: job_id text: The task
-- column: name text: Its name
-- column: depth integer: Steps from the task: 1 for what it names itself
-- column: relation text: parent, inherited from, or master
-- column: ancestor_id text: The other task
-- column: ancestor_name text: Its name; NULL where it is not known
-- column: is_known boolean: Whether the database has it
-- order: source, job_id, depth, relation, ancestor_id

WITH RECURSIVE links AS (
  SELECT j.source_id, j.id AS job_id, 'parent' AS relation, j.parent_id AS other FROM jobs j
  UNION
  SELECT j.source_id, j.id AS job_id, 'inherited from' AS relation, j.inherit_id AS other FROM jobs j
  UNION
  SELECT j.source_id, j.id AS job_id, 'master' AS relation, j.master_job_id AS other FROM jobs j
  UNION
  SELECT s.source_id, s.job_id, 'parent' AS relation, s.parent_job_id AS other FROM sub_tasks s
), ways AS (
  SELECT l.source_id, l.job_id, 1 AS depth, l.relation, l.other FROM links l WHERE l.other <> '' AND l.other <> l.job_id
  UNION
  SELECT w.source_id, w.job_id, w.depth + 1 AS depth, l.relation, l.other
  FROM ways w
  JOIN links l ON l.source_id = w.source_id AND l.job_id = w.other
  WHERE l.other <> '' AND l.other <> l.job_id AND l.other <> w.job_id AND w.depth < 10
)
SELECT c.name AS source, w.job_id, coalesce(j.name, k.name) AS name, w.depth, w.relation, w.other AS ancestor_id,
       coalesce(o.name, m.name) AS ancestor_name, coalesce(o.id, m.job_id) IS NOT NULL AS is_known
FROM ways w
JOIN sources c ON c.id = w.source_id
LEFT JOIN jobs j ON j.source_id = w.source_id AND j.id = w.job_id
LEFT JOIN jobs o ON o.source_id = w.source_id AND o.id = w.other
LEFT JOIN job_listings k ON k.source_id = w.source_id AND k.job_id = w.job_id AND k.occurrence = 0
LEFT JOIN job_listings m ON m.source_id = w.source_id AND m.job_id = w.other AND m.occurrence = 0
