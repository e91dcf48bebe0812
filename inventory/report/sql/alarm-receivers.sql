-- name: alarm-receivers
-- title: Who receives alarms
-- question: To whom does each task send its alarms?
-- column: source text: The source
-- column: job_id text: The task
-- column: name text: Its name
-- column: topic text: The topic of SMN
-- column: protocol text: How it is sent
-- column: receiver text: To whom
-- column: owner text: Whose it is, by the tag of report.owner_tag
-- order: source, job_id, protocol, receiver

SELECT DISTINCT c.name AS source, j.id AS job_id, j.name, j.alarm_notify_topic_name AS topic, s.protocol, e.endpoint AS receiver, t.owner
FROM alarm_subscriptions s
JOIN jobs j ON j.source_id = s.source_id AND j.id = s.job_id
JOIN sources c ON c.id = j.source_id
JOIN alarm_endpoints e ON e.source_id = s.source_id AND e.job_id = s.job_id AND e.item = s.item AND e.item_occurrence = s.occurrence
LEFT JOIN tasks t ON t.source_id = j.source_id AND t.job_id = j.id
