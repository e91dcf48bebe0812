-- name: filters
-- title: What tasks filter
-- question: Which tables does each task filter, and by which condition?
-- column: source text: The source
-- column: job_id text: The task
-- column: name text: Its name
-- column: db_name text: The database
-- column: schema_name text: The schema
-- column: table_name text: The table
-- column: kind text: Kind of the condition
-- column: condition text: The condition
-- column: owner text: Whose it is, by the tag of report.owner_tag
-- order: source, job_id, db_name, schema_name, table_name, kind, condition

SELECT DISTINCT s.name AS source, o.job_id, j.name, o.db_name, o.schema_name, o.table_name,
       f.transformation_info_transformation_type AS kind, f.transformation_info_value AS condition, t.owner
FROM filter_object_infos o
JOIN filter_conditions f ON f.source_id = o.source_id AND f.job_id = o.job_id AND f.item = o.item
  AND f.occurrence = o.item_occurrence
JOIN jobs j ON j.source_id = o.source_id AND j.id = o.job_id
JOIN sources s ON s.id = o.source_id
LEFT JOIN tasks t ON t.source_id = o.source_id AND t.job_id = o.job_id
LEFT JOIN enum_values v ON v.table_name = 'jobs' AND v.column_name = 'status' AND v.value = upper(j.status)
WHERE coalesce(v.phase, '') <> 'ended'
