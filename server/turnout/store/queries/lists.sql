-- name: put_list
INSERT INTO lists (lane, key, remote) VALUES (?, ?, ?) ON CONFLICT (lane, key) DO UPDATE SET remote = excluded.remote;

-- name: list_lists
-- By primary key.
SELECT key, remote FROM lists WHERE lane = ?;
