-- name: check-runs
-- title: What each rule came to
-- question: What did the last run of each rule come to on each source, and what is the source's last snapshot?
-- column: source text: The source
-- column: is_retired boolean: Whether the source was retired: its results are closed, and no rule judges it
-- column: rule_id text: The rule; `inventory check explain` shows it
-- column: snapshot_id integer: The snapshot that was checked
-- column: result text: complete; or unknown, where the rule could not judge the snapshot
-- column: reason text: Why it is unknown: partial, stale, or the error of the rule
-- column: checked_as_of time: What :now was in the rule
-- column: last_snapshot_id integer: The source's last snapshot
-- column: last_status text: complete or partial
-- column: last_observed_at time: When that one was observed
-- order: source, rule_id

SELECT s.name AS source, s.retired_at IS NOT NULL AS is_retired, r.rule_id, r.snapshot_id, r.status AS result, r.reason,
       r.as_of AS checked_as_of, n.id AS last_snapshot_id, n.status AS last_status, coalesce(n.observed_to, n.finished_at) AS last_observed_at
FROM check_runs r
JOIN (SELECT max(id) AS id FROM check_runs GROUP BY rule_id, source_id) l ON l.id = r.id
JOIN sources s ON s.id = r.source_id
JOIN (SELECT source_id, max(id) AS id FROM snapshots GROUP BY source_id) m ON m.source_id = r.source_id
JOIN snapshots n ON n.id = m.id
