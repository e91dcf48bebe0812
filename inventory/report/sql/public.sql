-- name: public
-- title: Tasks on a public network
-- question: Which tasks that have not ended use a public network?
-- column: source text: The source
-- column: job_id text: The task
-- column: name text: Its name
-- column: status text: Its status
-- column: net_type text: Network between the databases
-- column: public_ips integer: Public IP addresses that are bound to it
-- column: owner text: Whose it is, by the tag of report.owner_tag
-- order: source, job_id

SELECT t.source, t.job_id, t.name, t.status, t.net_type,
       (SELECT count(*) FROM public_ips i WHERE i.source_id = t.source_id AND i.job_id = t.job_id) AS public_ips, t.owner
FROM tasks t
WHERE t.has_public_ip AND t.is_active
