-- name: insert_leaf
INSERT INTO entities (kind, id, revision, digest, sum) VALUES (?, ?, ?, ?, ?);

-- name: insert_document
INSERT INTO documents (digest, body) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING;

-- name: insert_revision
INSERT INTO revisions (revision, at, principal, operation) VALUES (?, ?, ?, ?);

-- name: first_revision
-- The lowest number: one row is read.
SELECT at FROM revisions ORDER BY revision LIMIT 1;

-- name: list_leaves
-- The newest leaf of each entity at or before a revision; a leaf without digest is a removal.
SELECT e.kind, e.id, e.revision, e.digest, e.sum, d.body FROM entities e LEFT JOIN documents d ON d.digest = e.digest
WHERE e.revision = (SELECT max(revision) FROM entities WHERE kind = e.kind AND id = e.id AND revision <= ?)
ORDER BY e.kind, e.id;

-- name: last_leaf
-- The newest body of an entity, whether it was removed since or not.
SELECT e.kind, e.id, e.revision, e.digest, e.sum, d.body FROM entities e LEFT JOIN documents d ON d.digest = e.digest
WHERE e.kind = ? AND e.id = ? AND e.digest IS NOT NULL ORDER BY e.revision DESC LIMIT 1;

-- name: leaf_at
-- The newest leaf of an entity at or before a revision, by primary key.
SELECT e.kind, e.id, e.revision, e.digest, e.sum, d.body FROM entities e LEFT JOIN documents d ON d.digest = e.digest
WHERE e.kind = ? AND e.id = ? AND e.revision <= ? ORDER BY e.revision DESC LIMIT 1;

-- name: put_secret
INSERT INTO secrets (entity, field, sealed) VALUES (?, ?, ?)
ON CONFLICT (entity, field) DO UPDATE SET sealed = excluded.sealed;

-- name: delete_secret
DELETE FROM secrets WHERE entity = ? AND field = ?;

-- name: delete_secrets
DELETE FROM secrets WHERE entity = ?;

-- name: list_secrets
SELECT field, sealed FROM secrets WHERE entity = ?;

-- name: list_sealed
-- Every secret as it lies there: how it is told whether the keys are theirs.
SELECT entity, field, sealed FROM secrets;

-- name: list_every_leaf
-- Every leaf with its document: all of the table is read.
SELECT e.kind, e.id, e.revision, e.digest, e.sum, d.body FROM entities e LEFT JOIN documents d ON d.digest = e.digest;
