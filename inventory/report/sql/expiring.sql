-- name: expiring
-- title: Subscriptions that have ended or end soon
-- question: Which yearly or monthly orders have ended, or end soon, and do not renew themselves?
-- param: until time = +30d: The time before which it ends
-- column: source text: The source
-- column: job_id text: The task
-- column: name text: Its name
-- column: status text: Its status
-- column: expires time: When the resource expires
-- column: order_id text: The order
-- column: owner text: Whose it is, by the tag of report.owner_tag
-- order: expires, source, job_id

SELECT t.source, t.job_id, t.name, t.status, j.period_order_exp_time AS expires, j.period_order_order_id AS order_id, t.owner
FROM tasks t
JOIN jobs j ON j.source_id = t.source_id AND j.id = t.job_id
WHERE j.period_order_charging_mode = 0 AND NOT coalesce(j.period_order_is_auto_renew, FALSE)
  AND j.period_order_exp_time < :until AND t.is_active
