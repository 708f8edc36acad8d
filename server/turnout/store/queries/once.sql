-- name: get_claim
-- By primary key.
SELECT run, seq, part, until, done FROM once WHERE lane = ? AND key = ?;

-- name: put_claim
INSERT INTO once (lane, key, run, seq, part, until, done) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (lane, key) DO UPDATE SET run = excluded.run, seq = excluded.seq, part = excluded.part,
until = excluded.until, done = excluded.done;

-- name: delete_claim
-- By primary key; only that of its holder, and only before it was taken.
DELETE FROM once WHERE lane = ? AND key = ? AND run = ? AND seq = ? AND part = ? AND done = 0;

-- name: count_claims
-- Walks the index once_until; asked once a minute, by a reader.
SELECT count(*) FROM once;

-- name: delete_over
-- By the index once_until.
DELETE FROM once WHERE (lane, key) IN (SELECT lane, key FROM once WHERE until <= ? ORDER BY until LIMIT ?);

-- name: delete_soonest
-- By the index once_until.
DELETE FROM once WHERE (lane, key) IN (SELECT lane, key FROM once ORDER BY until LIMIT ?);
