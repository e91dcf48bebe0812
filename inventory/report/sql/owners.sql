-- name: owners
-- title: Tasks by owner
-- question: How many tasks does each owner have, and how many of them need a look?
-- column: source text: The source
-- column: owner text: The owner, by the tag of report.owner_tag; NULL for tasks that have none
-- column: tasks integer: Tasks
-- column: active integer: Of these, how many have not ended
-- column: failed integer: Of the active, how many have failed
-- column: plain integer: Of the active, how many have a connection that is not encrypted
-- column: public integer: Of the active, how many use a public network
-- order: owner, source

SELECT t.source, t.owner, count(*) AS tasks,
       sum(CASE WHEN t.is_active THEN 1 ELSE 0 END) AS active,
       sum(CASE WHEN t.is_active AND t.is_failed THEN 1 ELSE 0 END) AS failed,
       sum(CASE WHEN t.is_active AND t.has_plain_endpoint THEN 1 ELSE 0 END) AS plain,
       sum(CASE WHEN t.is_active AND t.has_public_ip THEN 1 ELSE 0 END) AS public
FROM tasks t
GROUP BY t.source, t.owner
