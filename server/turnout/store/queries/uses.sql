-- name: put_use
-- An earlier moment takes no later one's place.
INSERT INTO uses (token, at) VALUES (?, ?) ON CONFLICT (token) DO UPDATE SET at = max(at, excluded.at);

-- name: delete_use
-- By primary key.
DELETE FROM uses WHERE token = ?;

-- name: list_uses
SELECT token, at FROM uses;
