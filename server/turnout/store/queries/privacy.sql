-- name: any_suppression
SELECT EXISTS (SELECT 1 FROM suppressions);

-- name: find_suppression
-- By primary key.
SELECT 1 FROM suppressions WHERE key = ?;

-- name: put_suppression
INSERT INTO suppressions (key, at, regulation) VALUES (?, ?, ?) ON CONFLICT (key) DO NOTHING;

-- name: delete_suppression
-- By primary key.
DELETE FROM suppressions WHERE key = ?;

-- name: put_regulation
INSERT INTO regulations (id, at, kind, namespace, state, person, subject, until, steps, finished)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET state = excluded.state, person = excluded.person, subject = excluded.subject,
until = excluded.until, steps = excluded.steps, finished = excluded.finished;

-- name: get_regulation
-- By primary key.
SELECT id, at, kind, namespace, state, person, subject, until, steps, finished FROM regulations WHERE id = ?;

-- name: list_running
SELECT id, at, kind, namespace, state, person, subject, until, steps, finished FROM regulations
WHERE finished IS NULL ORDER BY at;

-- name: list_barred
-- People of whom an identifier is suppressed: over the suppressions, which are few; of each by primary key.
SELECT DISTINCT i.person FROM suppressions s CROSS JOIN identifiers i ON i.key = s.key;

-- name: list_naming
-- The caller checks the alignment of the bytes; regulations are few.
SELECT id, at, kind, namespace, state, person, subject, until, steps, finished FROM regulations
WHERE instr(subject, ?) > 0 ORDER BY at;

-- name: list_regulations
SELECT id, at, kind, namespace, state, person, subject, until, steps, finished FROM regulations ORDER BY at, id;

-- name: list_suppressed
SELECT key FROM suppressions;
