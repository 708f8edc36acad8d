-- name: add_count
INSERT INTO counts (lane, hour, code, n) VALUES (?, ?, ?, ?)
ON CONFLICT (lane, hour, code) DO UPDATE SET n = n + excluded.n;

-- name: sum_counts
SELECT lane, code, sum(n) FROM counts WHERE hour >= ? GROUP BY lane, code;

-- name: prune_counts
DELETE FROM counts WHERE hour < ?;
