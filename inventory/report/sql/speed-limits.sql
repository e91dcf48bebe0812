-- name: speed-limits
-- title: Speed limits at a time of day
-- question: Which tasks are slowed down at a time of the day?
-- param: at clock = 03:30: The time of day: HH:MM
-- column: source text: The source
-- column: job_id text: The task
-- column: name text: Its name
-- column: begin_time text: From: HH:MM
-- column: end_time text: To: HH:MM; before begin_time where it goes past midnight
-- column: is_utc boolean: Whether the times are UTC
-- column: speed integer (MB/s): The limit
-- column: owner text: Whose it is, by the tag of report.owner_tag
-- order: source, job_id, begin_time, end_time, speed

SELECT DISTINCT s.name AS source, l.job_id, j.name, l.begin_time, l.end_time, l.is_utc, l.speed, t.owner
FROM speed_limits l
JOIN jobs j ON j.source_id = l.source_id AND j.id = l.job_id
JOIN sources s ON s.id = l.source_id
LEFT JOIN tasks t ON t.source_id = l.source_id AND t.job_id = l.job_id
LEFT JOIN enum_values v ON v.table_name = 'jobs' AND v.column_name = 'status' AND v.value = upper(j.status)
WHERE coalesce(v.phase, '') <> 'ended' AND CASE WHEN l.begin_time <= l.end_time THEN :at >= l.begin_time AND :at <= l.end_time
           ELSE :at >= l.begin_time OR :at <= l.end_time END
