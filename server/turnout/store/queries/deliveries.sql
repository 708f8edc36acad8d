-- name: insert_delivery
INSERT INTO deliveries (lane, run, seq, part, last, code, reason, request) VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: list_parts
-- The rows of one event itself, by primary key.
SELECT seq, part, last, code, reason, request FROM deliveries WHERE lane = ? AND run = ? AND seq = ? ORDER BY part;

-- name: find_span
-- The last row that begins at or before the event, by primary key: a span covers it if its end does.
SELECT seq, part, last, code, reason, request FROM deliveries WHERE lane = ? AND run = ? AND seq <= ?
ORDER BY seq DESC, part DESC LIMIT 1;

-- name: find_reason
-- By the unique index on (code, text).
SELECT id FROM reasons WHERE code = ? AND text = ?;

-- name: insert_reason
INSERT INTO reasons (code, text) VALUES (?, ?) RETURNING id;

-- name: get_reason
-- By primary key.
SELECT code, text FROM reasons WHERE id = ?;

-- name: list_codes
-- The verdicts of a lane's runs in a stretch of the log, by primary key: of each run the rows that touch it.
SELECT d.run, d.seq, d.last, d.code FROM json_each(?) r CROSS JOIN deliveries d ON d.lane = ? AND d.run = r.value
AND d.seq >= coalesce((SELECT max(b.seq) FROM deliveries b WHERE b.lane = ? AND b.run = r.value AND b.seq < ?), ?)
AND d.seq <= ? WHERE d.last >= ? ORDER BY r.key, d.seq, d.part;

-- name: list_event_requests
-- By primary key.
SELECT request FROM deliveries WHERE lane = ? AND run = ? AND seq = ? AND request > 0;

-- name: list_members
-- Requests in order of their numbers, by primary key, with what they list.
SELECT id, members FROM requests WHERE id > ? ORDER BY id LIMIT ?;

-- name: insert_request
INSERT INTO requests (id, lane, run, n, epoch, revision, manifest, members, status, outcome, sent, took)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: finish_request
-- By primary key.
UPDATE requests SET status = ?, outcome = ?, took = ? WHERE id = ?;

-- name: get_request
-- By primary key.
SELECT id, lane, run, n, epoch, revision, manifest, members, status, outcome, sent, took FROM requests WHERE id = ?;

-- name: list_tries
-- Requests of a stretch of numbers that list an event, the newest, by the index requests_members; the caller
-- checks the alignment of the bytes.
SELECT id, lane, run, n, epoch, revision, manifest, members, status, outcome, sent, took FROM requests
WHERE lane = ? AND run = ? AND id >= ? AND id <= ? AND members IS NOT NULL AND instr(members, ?) > 0
ORDER BY id DESC LIMIT ?;

-- name: request_bounds
-- By primary key, twice, as the bounds of the log.
SELECT (SELECT min(id) FROM requests), (SELECT max(id) FROM requests);

-- name: sent_from
-- The first request at or after a number, by primary key: one step of a search by halves.
SELECT id, sent FROM requests WHERE id >= ? ORDER BY id LIMIT 1;

-- name: list_open_requests
-- By the index requests_open.
SELECT id, lane, run, n, epoch, revision, manifest, members, status, outcome, sent, took FROM requests
WHERE outcome IS NULL AND epoch < ?;

-- name: any_delivery_until
-- By primary key.
SELECT EXISTS (SELECT 1 FROM deliveries WHERE lane = ? AND run = ? AND seq <= ? AND last <= ?);

-- name: prune_deliveries
-- A page, by primary key; a span that reaches beyond stays until all of it is gone.
DELETE FROM deliveries WHERE (lane, run, seq, part) IN
(SELECT lane, run, seq, part FROM deliveries WHERE lane = ? AND run = ? AND seq <= ? AND last <= ? LIMIT ?);

-- name: prune_requests
-- The oldest page alone is looked at.
DELETE FROM requests WHERE id IN (SELECT id FROM requests ORDER BY id LIMIT ?) AND sent < ? AND outcome IS NOT NULL;

-- name: list_again
-- A lane's newest requests that list what they carried, by the index requests_members: of so many, those that were no
-- first try, or whose answer left a doubt.
SELECT id, lane, run, n, epoch, revision, manifest, members, status, outcome, sent, took FROM
(SELECT * FROM requests WHERE lane = ? AND members IS NOT NULL ORDER BY id DESC LIMIT ?)
WHERE sent >= ? AND (n > 1 OR outcome IS NULL OR outcome NOT IN ('delivered', 'already')) ORDER BY id DESC LIMIT ?;

-- name: count_run
-- By primary key, over a run that is no other's.
SELECT code, count(*) FROM deliveries WHERE lane = ? AND run = ? GROUP BY code;
