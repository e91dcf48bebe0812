-- name: findings
-- title: What was not as documented
-- question: What was not as the API's reference says, and since when?
-- column: source text: The source
-- column: kind text: The kind of finding; `inventory findings` explains it
-- column: path text: Where it was found
-- column: job_id text: The task; empty for the answer as a whole
-- column: detail text: What was found, without a value
-- column: since time: When the first snapshot that had it was observed
-- column: occurrence integer: 0, 1, … among findings that are alike
-- order: source, kind, path, job_id, detail, occurrence

SELECT s.name AS source, f.kind, f.path, f.job_id, f.detail, coalesce(n.observed_to, n.finished_at) AS since, f.occurrence
FROM findings f
JOIN sources s ON s.id = f.source_id
JOIN snapshots n ON n.id = f.valid_from
