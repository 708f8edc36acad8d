-- name: insert_event
-- At the right edge of the table: seq only grows.
INSERT INTO events (seq, received, source, kind, name, namespace, person, flags, meta, body, sum)
VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?);

-- name: set_flag
-- By primary key.
UPDATE events SET flags = flags | ? WHERE seq = ?;

-- name: find_name
-- By the unique index on (source, kind, name).
SELECT id FROM names WHERE source = ? AND kind = ? AND name = ?;

-- name: count_names
-- By the same index; once a name that is new.
SELECT count(*) FROM names WHERE source = ? AND kind = ?;

-- name: insert_name
INSERT INTO names (source, kind, name, first, last, n) VALUES (?, ?, ?, ?, ?, 0) RETURNING id;

-- name: touch_name
-- By primary key.
UPDATE names SET last = max(last, ?), n = n + ? WHERE id = ?;

-- name: add_volume
INSERT INTO volumes (month, namespace, source, n) VALUES (?, ?, ?, ?)
ON CONFLICT (month, namespace, source) DO UPDATE SET n = n + excluded.n;

-- name: list_volumes
-- By primary key.
SELECT namespace, source, n FROM volumes WHERE month = ?;

-- name: insert_refused
INSERT INTO refused (received, source, namespace, reason, say, message_id, body) VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: trim_refused
-- Keeps the newest 10,000, by primary key.
DELETE FROM refused WHERE id <= (SELECT max(id) FROM refused) - 10000;

-- name: list_refused
SELECT id, received, source, namespace, reason, say, message_id, body FROM refused
WHERE id < ? AND (? = '' OR namespace = ?) ORDER BY id DESC LIMIT ?;

-- name: clear_refused
-- By primary key.
UPDATE refused SET body = x'', message_id = '', say = 'erased' WHERE id = ?;

-- name: read_after
-- A range of the log, by primary key: what a lane reads on.
SELECT e.seq, e.received, e.source, e.kind, n.name, e.namespace, e.person, e.flags, e.meta, e.body, e.name, e.sum
FROM events e LEFT JOIN names n ON n.id = e.name WHERE e.seq > ? AND e.seq <= ? ORDER BY e.seq LIMIT ?;

-- name: read_back
-- The log from its end, by primary key; what we wrote into it ourselves is no event.
SELECT e.seq, e.received, e.source, e.kind, n.name, e.namespace, e.person, e.flags, e.meta, e.body, e.name, e.sum
FROM events e LEFT JOIN names n ON n.id = e.name WHERE e.seq < ? AND e.seq >= ? AND e.kind < 100
ORDER BY e.seq DESC LIMIT ?;

-- name: read_one
-- By primary key.
SELECT e.seq, e.received, e.source, e.kind, n.name, e.namespace, e.person, e.flags, e.meta, e.body, e.name, e.sum
FROM events e LEFT JOIN names n ON n.id = e.name WHERE e.seq = ?;

-- name: bury_event
-- A tombstone, by primary key: the seq stays, the content goes.
UPDATE events SET flags = flags | 1, name = 0, meta = x'', body = x'', sum = NULL WHERE seq = ?;

-- name: get_head
-- By primary key: what a tombstone takes away besides its content.
SELECT name, flags FROM events WHERE seq = ?;

-- name: read_heads
-- A range of the log without its content, by primary key: what a replay counts.
SELECT e.seq, n.name, e.namespace, e.person, e.flags FROM events e LEFT JOIN names n ON n.id = e.name
WHERE e.seq > ? AND e.seq <= ? AND e.kind < 100 ORDER BY e.seq LIMIT ?;

-- name: list_namespace_seqs
-- A bounded range of the log, by primary key.
SELECT seq FROM events WHERE seq > ? AND seq <= ? AND namespace = ? ORDER BY seq LIMIT ?;

-- name: drop_name
-- By primary key.
UPDATE names SET n = n - ? WHERE id = ?;

-- name: list_every_name
SELECT id, name, n FROM names WHERE name NOT LIKE '[erased %';

-- name: count_name
-- By primary key.
SELECT n FROM names WHERE id = ?;

-- name: erase_name
-- By primary key.
UPDATE names SET name = '[erased ' || id || ']' WHERE id = ?;

-- name: list_unused_names
-- Names that no event has had for longer than events are kept: all of the table is read, outside the turnstile.
SELECT id FROM names WHERE last < ? AND n <= 0 LIMIT ?;

-- name: prune_name
-- By primary key; one that was seen again meanwhile stays.
DELETE FROM names WHERE id = ? AND last < ? AND n <= 0;

-- name: find_bounds
-- By primary key, twice: with both in one SELECT SQLite reads the whole table.
SELECT (SELECT min(seq) FROM events), (SELECT max(seq) FROM events);

-- name: received_from
-- The first event at or after a seq, by primary key: one step of a search by halves.
SELECT seq, received FROM events WHERE seq >= ? ORDER BY seq LIMIT 1;

-- name: list_names
SELECT source, kind, name, first, last, n FROM names WHERE n > 0 ORDER BY last DESC LIMIT ?;

-- name: list_namespaces
SELECT namespace, sum(n) FROM volumes GROUP BY namespace;

-- name: list_test_people
-- On by primary key.
SELECT person FROM profiles WHERE namespace = ? AND person > ? ORDER BY person LIMIT ?;

-- name: prune_event
-- By primary key.
DELETE FROM events WHERE seq = ?;

-- name: list_oldest
-- The log from its beginning, by primary key.
SELECT e.seq, e.received, e.source, e.kind, NULL, e.namespace, e.person, e.flags, e.meta, e.body, e.name, e.sum
FROM events e WHERE e.seq <= ? ORDER BY e.seq LIMIT ?;

-- name: prune_refused
-- The oldest page alone is looked at.
DELETE FROM refused WHERE id IN (SELECT id FROM refused ORDER BY id LIMIT ?) AND received < ?;

-- name: count_sources
-- A bounded range of the log, by primary key.
SELECT source, count(*) FROM events WHERE seq > ? AND seq <= ? GROUP BY source;
