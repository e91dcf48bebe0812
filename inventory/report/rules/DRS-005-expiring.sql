-- id: DRS-005
-- name: expiring
-- title: Order ends soon and does not renew itself
-- severity: high
-- meaning: When a yearly or monthly order ends, the task is frozen and later released, with its position in the source's log.
-- remedy: Renew the order or switch automatic renewal on; or release the task before.
-- sla_days: 7
-- identity: job_id
-- param: until time = +30d: The time before which it ends

SELECT t.source, t.job_id, '' AS key, 'order ' || coalesce(j.period_order_order_id, '-') AS detail
FROM tasks t
JOIN jobs j ON j.source_id = t.source_id AND j.id = t.job_id
WHERE j.period_order_charging_mode = 0 AND NOT coalesce(j.period_order_is_auto_renew, FALSE)
  AND j.period_order_exp_time < :until AND t.is_active
