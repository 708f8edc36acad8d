-- name: insert_recent
-- At the right edge of the table: seq only grows.
INSERT INTO recent (seq, key, person) VALUES (?, ?, ?);

-- name: list_recent
-- By primary key.
SELECT seq, key, person FROM recent WHERE seq >= ? AND seq < ?;

-- name: find_lowest
-- By primary key.
SELECT seq FROM recent WHERE seq > 0 ORDER BY seq LIMIT 1;

-- name: find_recent
-- By primary key, from the newest back to those that are in order: as many as come into it together.
SELECT key, seq FROM recent WHERE key = ? AND seq >= ? ORDER BY seq DESC LIMIT 1;

-- name: has_recent
-- By primary key.
SELECT 1 FROM recent WHERE seq = ? AND key = ?;

-- name: remove_recent
-- By primary key: those that are in `messages` by now.
DELETE FROM recent WHERE seq < ?;

-- name: prune_recent
-- By primary key.
DELETE FROM recent WHERE seq = ?;

-- name: prune_part
-- By primary key, twice.
DELETE FROM messages WHERE key = (SELECT key FROM recent WHERE seq = ?);

-- name: find_message
-- By primary key.
SELECT key, seq FROM messages WHERE key = ?;

-- name: find_messages
-- By primary key, 32 at once.
SELECT key, seq FROM messages WHERE key IN
(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: insert_message
-- In the order of keys; what is there stays.
INSERT INTO messages (key, seq) VALUES (?, ?) ON CONFLICT DO NOTHING;

-- name: find_first
-- By primary key: the first event that is left.
SELECT seq FROM events WHERE seq > 0 ORDER BY seq LIMIT 1;

-- name: insert_history
-- In the order of people; what is there stays.
INSERT INTO history (person, seq) VALUES (?, ?) ON CONFLICT DO NOTHING;

-- name: prune_message
-- By primary key.
DELETE FROM messages WHERE key = ?;

-- name: list_messages
-- By primary key, in pages: the ids whose events are gone without telling which they were (tombstones).
SELECT key, seq FROM messages WHERE key > ? ORDER BY key LIMIT ?;
