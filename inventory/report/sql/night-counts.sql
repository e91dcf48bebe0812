-- name: night-counts
-- title: Rows of each table, night by night
-- question: How many rows did each table have in each snapshot, and how many changed?
-- param: since time = 30d: The time from which it counts
-- column: source text: The source
-- column: snapshot_id integer: The snapshot
-- column: observed_to time: When its last answer was observed
-- column: table_name text: The table
-- column: rows integer: Its rows
-- column: added integer: Rows that came
-- column: changed integer: Rows that changed
-- column: removed integer: Rows that left
-- order: source, snapshot_id, table_name

SELECT s.name AS source, n.id AS snapshot_id, n.observed_to, c.table_name, c.rows, c.added, c.changed, c.removed
FROM snapshot_counts c
JOIN snapshots n ON n.id = c.snapshot_id
JOIN sources s ON s.id = n.source_id
WHERE coalesce(n.observed_to, n.finished_at) >= :since
