-- name: read_history
-- By primary key, back; and the events by theirs.
SELECT e.seq, e.received, e.source, e.kind, n.name, e.namespace, e.person, e.flags, e.meta, e.body, e.name, e.sum
FROM history h CROSS JOIN events e ON e.seq = h.seq LEFT JOIN names n ON n.id = e.name
WHERE h.person = ? AND h.seq < ? AND e.kind < 100 ORDER BY h.seq DESC LIMIT ?;

-- name: read_newest
-- By primary key of `recent`, from the newest back to those that are in order; and the events by theirs.
SELECT e.seq, e.received, e.source, e.kind, n.name, e.namespace, e.person, e.flags, e.meta, e.body, e.name, e.sum
FROM recent r CROSS JOIN events e ON e.seq = r.seq LEFT JOIN names n ON n.id = e.name
WHERE r.seq >= ? AND r.seq < ? AND r.person IN (SELECT value FROM json_each(?)) AND e.kind < 100
ORDER BY r.seq DESC LIMIT ?;

-- name: list_history
-- By primary key.
SELECT seq FROM history WHERE person = ? AND seq >= ? AND seq <= ? ORDER BY seq LIMIT ?;

-- name: list_newest
-- A bounded range of `recent`, by primary key.
SELECT seq FROM recent WHERE seq >= ? AND seq <= ? AND person IN (SELECT value FROM json_each(?)) ORDER BY seq LIMIT ?;

-- name: count_history
-- By primary key.
SELECT count(*) FROM history WHERE person = ? AND seq <= ?;

-- name: count_newest
-- A bounded range of `recent`, by primary key.
SELECT count(*) FROM recent WHERE seq >= ? AND seq <= ? AND person IN (SELECT value FROM json_each(?));

-- name: tally_newest
-- The newest events, by primary key of `recent`.
SELECT person, count(*) FROM recent WHERE seq >= ? AND person IN (SELECT value FROM json_each(?)) GROUP BY person;

-- name: count_history_content
-- By primary key; of the events by theirs what is no tombstone.
SELECT count(*) FROM history h CROSS JOIN events e ON e.seq = h.seq WHERE h.person = ? AND h.seq <= ? AND e.flags & 1 = 0;

-- name: count_newest_content
-- A bounded range of `recent`, by primary key; of the events by theirs what is no tombstone.
SELECT count(*) FROM recent r CROSS JOIN events e ON e.seq = r.seq
WHERE r.seq >= ? AND r.seq <= ? AND r.person IN (SELECT value FROM json_each(?)) AND e.flags & 1 = 0;

-- name: prune_history
-- By primary key.
DELETE FROM history WHERE person = ? AND seq = ?;
