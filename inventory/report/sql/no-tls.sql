-- name: no-tls
-- title: Connections without TLS
-- question: Which endpoints of tasks that have not ended are not encrypted?
-- param: unknown boolean = false: Whether to show those that the service says nothing of
-- column: source text: The source
-- column: job_id text: The task
-- column: name text: Its name
-- column: role text: Where the endpoint stands in the task
-- column: db_type text: Kind of database
-- column: host text: The host
-- column: port integer: Its port
-- column: tls text: off, or unknown where the service says nothing
-- column: how text: What says so: ssl_link or kafka
-- column: owner text: Whose it is, by the tag of report.owner_tag
-- order: source, job_id, role, host, port, db_type, how

SELECT DISTINCT e.source, e.job_id, j.name, e.role, e.db_type, e.host, e.port, e.tls, e.how, t.owner
FROM endpoint_security e
JOIN jobs j ON j.source_id = e.source_id AND j.id = e.job_id
LEFT JOIN tasks t ON t.source_id = e.source_id AND t.job_id = e.job_id
LEFT JOIN enum_values v ON v.table_name = 'jobs' AND v.column_name = 'status' AND v.value = upper(j.status)
WHERE (e.tls = 'off' OR (:unknown AND e.tls = 'unknown')) AND coalesce(v.phase, '') <> 'ended'
