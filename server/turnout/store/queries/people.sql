-- name: find_owner
-- By primary key.
SELECT person FROM identifiers WHERE key = ?;

-- name: insert_identifier
INSERT INTO identifiers (key, person, type, value, namespace, seq) VALUES (?, ?, ?, ?, ?, ?);

-- name: insert_profile
INSERT INTO profiles (person, namespace, created, merges) VALUES (?, ?, ?, 0);

-- name: get_profile
SELECT person, namespace, created, merges FROM profiles WHERE person = ?;

-- name: list_identifiers
-- By the index on person.
SELECT type, value, namespace, seq FROM identifiers WHERE person = ? ORDER BY seq;

-- name: move_identifiers
UPDATE identifiers SET person = ? WHERE person = ?;

-- name: insert_link
INSERT INTO links (loser, survivor, seq, at, because) VALUES (?, ?, ?, ?, ?);

-- name: move_links
-- So that a loser's survivor is always one look-up away.
UPDATE links SET survivor = ? WHERE survivor = ?;

-- name: add_merges
UPDATE profiles SET merges = merges + 1 + coalesce((SELECT merges FROM profiles WHERE person = ?), 0) WHERE person = ?;

-- name: rekey_owed
UPDATE owed SET person = ? WHERE person = ?;

-- name: find_survivor
SELECT survivor FROM links WHERE loser = ?;

-- name: list_losers
SELECT loser FROM links WHERE survivor = ? ORDER BY loser;

-- name: list_links
SELECT loser, seq, at, because FROM links WHERE survivor = ? ORDER BY at;

-- name: upsert_meter
INSERT INTO meter (month, namespace, source, kind, key, linked, seq) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (month, namespace, source, kind, key) DO UPDATE SET linked = 1 WHERE excluded.linked = 1 AND linked = 0;

-- name: count_meter
SELECT namespace, source, kind, linked, count(*) FROM meter WHERE month = ? GROUP BY namespace, source, kind, linked;

-- name: list_meter
-- Who counted in the live namespace, over all sources, oldest first.
SELECT kind, linked, seq FROM meter WHERE month = ? AND namespace = ? AND source = 0
AND (kind = 'u' OR linked = 0) ORDER BY seq DESC LIMIT ?;

-- name: delete_identifiers
DELETE FROM identifiers WHERE person = ?;

-- name: delete_profile
DELETE FROM profiles WHERE person = ?;

-- name: delete_links
DELETE FROM links WHERE survivor = ? OR loser = ?;

-- name: count_people
SELECT namespace, count(*) FROM profiles WHERE person NOT IN (SELECT loser FROM links) GROUP BY namespace;
