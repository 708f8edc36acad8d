-- name: add_count
INSERT INTO counts (lane, hour, code, n) VALUES (?, ?, ?, ?)
ON CONFLICT (lane, hour, code) DO UPDATE SET n = n + excluded.n;

-- name: list_counted
-- Lane 0 is the door.
SELECT 0 UNION ALL SELECT lane FROM lanes;

-- name: list_counts
-- By primary key.
SELECT hour, code, n FROM counts WHERE lane = ? AND hour >= ?;

-- name: sum_counts
-- By primary key.
SELECT code, sum(n) FROM counts WHERE lane = ? AND hour >= ? GROUP BY code;

-- name: prune_counts
-- By primary key.
DELETE FROM counts WHERE lane = ? AND hour < ?;
