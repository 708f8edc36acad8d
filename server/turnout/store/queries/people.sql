-- name: find_owner
-- By primary key.
SELECT person FROM identifiers WHERE key = ?;

-- name: find_owners
-- By primary key, 32 at once.
SELECT key, person FROM identifiers WHERE key IN
(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: find_identifier
-- By primary key.
SELECT person, seq FROM identifiers WHERE key = ?;

-- name: insert_identifier
INSERT INTO identifiers (key, person, type, value, namespace, seq) VALUES (?, ?, ?, ?, ?, ?);

-- name: insert_profile
INSERT INTO profiles (person, namespace, created, merges) VALUES (?, ?, ?, 0);

-- name: get_profile
-- By primary key.
SELECT person, namespace, created, merges FROM profiles WHERE person = ?;

-- name: list_identifiers
-- By the index identifiers_person.
SELECT type, value, namespace, seq FROM identifiers WHERE person = ? ORDER BY seq;

-- name: move_identifiers
-- By the index identifiers_person.
UPDATE identifiers SET person = ? WHERE person = ?;

-- name: insert_link
INSERT INTO links (loser, survivor, seq, at, because) VALUES (?, ?, ?, ?, ?);

-- name: move_links
-- So that a loser's survivor is always one look-up away; by the index links_survivor.
UPDATE links SET survivor = ? WHERE survivor = ?;

-- name: add_merges
-- By primary key.
UPDATE profiles SET merges = merges + 1 + coalesce((SELECT merges FROM profiles WHERE person = ?), 0) WHERE person = ?;

-- name: rekey_owed
-- By the index owed_whose.
UPDATE owed SET person = ? WHERE person = ? AND person > 0;

-- name: find_survivor
-- By primary key.
SELECT survivor FROM links WHERE loser = ?;

-- name: list_losers
-- By the index links_survivor.
SELECT loser FROM links WHERE survivor = ? ORDER BY loser;

-- name: find_merge_after
-- By the index links_survivor.
SELECT 1 FROM links WHERE survivor = ? AND seq > ? LIMIT 1;

-- name: find_metered
-- By primary key, 32 at once.
SELECT key, linked FROM meter WHERE month = ? AND namespace = ? AND kind = ? AND source = ? AND key IN
(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: upsert_meter
INSERT INTO meter (month, namespace, kind, key, source, linked, seq) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (month, namespace, kind, key, source) DO UPDATE SET linked = 1 WHERE excluded.linked = 1 AND linked = 0;

-- name: count_meter
-- By primary key: of each source those who came with a user id, and all.
SELECT namespace, source, kind, sum(linked), count(*) FROM meter WHERE month = ? GROUP BY namespace, source, kind;

-- name: count_whole_meter
-- By primary key: of all sources together, each id once.
SELECT namespace, 0, kind, sum(linked), count(*) FROM (
  SELECT namespace, kind, max(linked) AS linked FROM meter WHERE month = ? GROUP BY namespace, kind, key
) GROUP BY namespace, kind;

-- name: list_meter
-- Who counted in a namespace, over all sources, those who counted last first.
SELECT kind, max(linked) AS linked, min(seq) AS seq FROM meter WHERE month = ? AND namespace = ? GROUP BY kind, key
HAVING kind = 'u' OR max(linked) = 0 ORDER BY seq DESC LIMIT ?;

-- name: delete_identifiers
-- By the index identifiers_person.
DELETE FROM identifiers WHERE person = ?;

-- name: delete_profile
-- By primary key.
DELETE FROM profiles WHERE person = ?;

-- name: delete_links
-- By the index links_survivor, and by primary key.
DELETE FROM links WHERE survivor = ? OR loser = ?;

-- name: count_people
SELECT namespace, count(*) FROM profiles WHERE person NOT IN (SELECT loser FROM links) GROUP BY namespace;

-- name: list_merges
-- By the index links_survivor: who became this person, oldest first.
SELECT loser, seq, at, because FROM links WHERE survivor = ? ORDER BY at, loser;

-- name: list_newest
-- Back by primary key: people as they are today, the newest first; of each, by primary key, that nobody took it over.
SELECT p.person, p.namespace, p.created, p.merges FROM profiles p WHERE p.person < ? AND (? = '' OR p.namespace = ?)
AND NOT EXISTS (SELECT 1 FROM links l WHERE l.loser = p.person) ORDER BY p.person DESC LIMIT ?;

-- name: find_counted
-- By primary key: whether an id counts in a month, over all sources.
SELECT max(linked), min(seq) FROM meter WHERE month = ? AND namespace = ? AND kind = ? AND key = ?;

-- name: count_counted_before
-- In one pass by primary key: how many of those who count today were counted by an event before each of 32.
SELECT total(seq < ?), total(seq < ?), total(seq < ?), total(seq < ?), total(seq < ?), total(seq < ?), total(seq < ?), total(seq < ?),
total(seq < ?), total(seq < ?), total(seq < ?), total(seq < ?), total(seq < ?), total(seq < ?), total(seq < ?), total(seq < ?),
total(seq < ?), total(seq < ?), total(seq < ?), total(seq < ?), total(seq < ?), total(seq < ?), total(seq < ?), total(seq < ?),
total(seq < ?), total(seq < ?), total(seq < ?), total(seq < ?), total(seq < ?), total(seq < ?), total(seq < ?), total(seq < ?)
FROM (
  SELECT min(seq) AS seq FROM meter WHERE month = ? AND namespace = ? GROUP BY kind, key
  HAVING kind = 'u' OR max(linked) = 0
);
