-- name: insert_entry
INSERT INTO audit (at, principal, client, operation, digest, outcome, detail, previous, hash)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: last_hash
SELECT hash FROM audit ORDER BY id DESC LIMIT 1;

-- name: list_back
-- A page, newest first, by primary key.
SELECT id, at, principal, client, operation, digest, outcome, detail FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?;

-- name: list_entries
SELECT id, at, principal, client, operation, digest, outcome, detail, previous, hash FROM audit ORDER BY id;
