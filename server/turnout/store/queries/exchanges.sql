-- name: insert_frame
INSERT INTO exchanges (kept, first, last, at, size, frame) VALUES (?, ?, ?, ?, ?, ?);

-- name: find_frames
-- By primary key, back from the request: frames of different lanes overlap, as a retry's number is drawn when it leaves.
SELECT frame FROM exchanges WHERE kept = ? AND first <= ? AND first > ? AND last >= ? ORDER BY first DESC LIMIT 64;

-- name: list_overlapping
-- By primary key; without the frames.
SELECT first, last FROM exchanges WHERE kept = ? AND first <= ? AND last >= ? ORDER BY first;

-- name: get_frame
-- By primary key.
SELECT frame FROM exchanges WHERE kept = ? AND first = ?;

-- name: replace_frame
-- By primary key.
UPDATE exchanges SET size = ?, frame = ? WHERE kept = ? AND first = ?;

-- name: ring_size
SELECT coalesce(sum(size), 0) FROM exchanges WHERE kept = 0;

-- name: list_oldest
-- By primary key.
SELECT first, size, at FROM exchanges WHERE kept = ? ORDER BY first LIMIT ?;

-- name: delete_frame
-- By primary key.
DELETE FROM exchanges WHERE kept = ? AND first = ?;

-- name: list_newest
-- By primary key, the newest first.
SELECT first, frame FROM exchanges WHERE kept = ? AND first < ? ORDER BY first DESC LIMIT ?;
