-- name: changed-columns
-- title: What changed, by column
-- question: In how many jobs did each column change since a time?
-- param: since time = 7d: The time from which it counts
-- param: owner text = NULL: Only tasks that are this owner's now, by the tag of report.owner_tag; NULL for all
-- column: table_name text: The table
-- column: column_name text: The column
-- column: jobs integer: Jobs in which it changed
-- column: changes integer: How often it changed
-- order: jobs desc, table_name, column_name

SELECT c.table_name, c.column_name, count(*) AS jobs, CAST(sum(c.changes) AS BIGINT) AS changes
FROM (
  SELECT d.table_name, d.column_name, d.source_id, d.job_id, count(*) AS changes
  FROM change_details d
  WHERE d.observed_to >= :since AND d.action = 'update'
    AND (:owner IS NULL OR EXISTS (SELECT 1 FROM tasks t WHERE t.source_id = d.source_id AND t.job_id = d.job_id AND t.owner = :owner))
  GROUP BY d.table_name, d.column_name, d.source_id, d.job_id
) c
GROUP BY c.table_name, c.column_name
