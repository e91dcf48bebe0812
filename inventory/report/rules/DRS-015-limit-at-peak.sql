-- id: DRS-015
-- name: limit-at-peak
-- title: Speed limit is in force at the peak
-- severity: low
-- meaning: While the source writes most, the limit lets the replication fall behind, and a failover then loses more.
-- remedy: Move the window of the limit to the night, or raise the limit.
-- sla_days: 30
-- identity: job_id, key
-- param: peak text = 10:00: The hour of the most writes, in the zone of the limit: HH:MM

SELECT t.source, t.job_id, coalesce(l.begin_time, '-') || ' to ' || coalesce(l.end_time, '-') AS key,
       'limit ' || coalesce(CAST(l.speed AS VARCHAR), '-') AS detail
FROM speed_limits l
JOIN tasks t ON t.source_id = l.source_id AND t.job_id = l.job_id
WHERE t.is_active AND (
  (l.begin_time <= l.end_time AND l.begin_time <= :peak AND :peak < l.end_time)
  OR (l.begin_time > l.end_time AND (l.begin_time <= :peak OR :peak < l.end_time))
)
