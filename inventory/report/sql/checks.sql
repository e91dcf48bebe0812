-- name: checks
-- title: Results of checks that are not closed
-- question: Which results of checks are new, open again, open or waived, and until when?
-- param: since time = 7d: The time from which an opened result is new
-- column: source text: The source
-- column: rule_id text: The rule; `inventory check explain` shows it
-- column: severity text: low, medium, high or critical
-- column: state text: new, reopened, open, or waived
-- column: job_id text: The task; empty for a result of the source
-- column: name text: Its name
-- column: key text: What tells it from other results of the rule for the task
-- column: detail text: What was found
-- column: opened_at time: When it was opened
-- column: due_at time: When it should be closed
-- column: owner text: Whose the task is, by the tag of report.owner_tag
-- column: reason text: Of a waived result, why it is accepted
-- column: waived_by text: Of a waived result, who accepted it
-- column: until date: Of a waived result, the day on which it is open again
-- order: source, rule_id, job_id, key

SELECT c.source, c.rule_id, c.severity,
       CASE WHEN c.state = 'waived' THEN 'waived' WHEN c.opened_at < :since THEN 'open'
            WHEN c.reopened > 0 THEN 'reopened' ELSE 'new' END AS state,
       c.job_id, j.name, c.key, c.detail, c.opened_at, c.due_at, c.owner, c.waiver_reason AS reason, c.waived_by,
       c.waived_until AS until
FROM check_states c
LEFT JOIN jobs j ON j.source_id = c.source_id AND j.id = c.job_id
WHERE c.state <> 'closed'
