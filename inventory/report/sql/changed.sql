-- name: changed
-- title: What changed
-- question: Which values changed since a time, from what to what?
-- param: since time = 7d: The time from which it counts
-- param: action text (create, update, delete) = update: What happened to the row; NULL for all
-- column: source text: The source
-- column: observed_to time: When the snapshot that saw it was observed
-- column: job_id text: The task
-- column: job_name text: Its name
-- column: table_name text: The table
-- column: action text: create, update or delete
-- column: natural_key text: What tells the row from others of its task
-- column: column_name text: The column
-- column: before text: The value before
-- column: after text: The value after
-- order: observed_to, source, job_id, table_name, action, natural_key, column_name, before, after

SELECT d.source, d.observed_to, d.job_id, d.job_name, d.table_name, d.action, d.natural_key, d.column_name, d.before, d.after
FROM change_details d
WHERE d.observed_to >= :since AND (:action IS NULL OR d.action = :action)
