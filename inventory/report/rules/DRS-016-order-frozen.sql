-- id: DRS-016
-- name: order-frozen
-- title: Order is frozen
-- severity: critical
-- meaning: The order was not paid, or was blocked: the task stands still and will be released.
-- remedy: Renew the order in the billing center; ask the vendor's support if it was blocked.
-- sla_days: 1
-- identity: job_id

SELECT t.source, t.job_id, '' AS key, j.period_order_status AS detail
FROM tasks t
JOIN jobs j ON j.source_id = t.source_id AND j.id = t.job_id
WHERE upper(j.period_order_status) LIKE 'FROZEN%' AND t.is_active
