-- name: put_owed
INSERT INTO owed (lane, run, seq, part, person, due, first, tries, state, request, reason)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (lane, run, seq, part) DO UPDATE SET person = excluded.person, due = excluded.due, first = excluded.first,
tries = excluded.tries, state = excluded.state, request = excluded.request, reason = excluded.reason;

-- name: get_owed
SELECT lane, run, seq, part, person, due, first, tries, state, request, reason FROM owed
WHERE lane = ? AND run = ? AND seq = ? AND part = ?;

-- name: list_event_owed
SELECT lane, run, seq, part, person, due, first, tries, state, request, reason FROM owed
WHERE lane = ? AND run = ? AND seq = ? ORDER BY part;

-- name: delete_owed
DELETE FROM owed WHERE lane = ? AND run = ? AND seq = ? AND part = ?;

-- name: list_due
-- By the index on (lane, due).
SELECT lane, run, seq, part, person, due, first, tries, state, request, reason FROM owed
WHERE lane = ? AND due <= ? ORDER BY due, seq LIMIT ?;

-- name: next_due
SELECT min(due) FROM owed WHERE lane = ? AND due IS NOT NULL;

-- name: count_owed
SELECT count(*) FROM owed WHERE lane = ?;

-- name: any_owed
SELECT EXISTS (SELECT 1 FROM owed WHERE lane = ?);

-- name: count_up_to
-- Counts no further than asked.
SELECT count(*) FROM (SELECT 1 FROM owed WHERE lane = ? LIMIT ?);

-- name: list_lane_owed
SELECT lane, run, seq, part, person, due, first, tries, state, request, reason FROM owed
WHERE lane = ? ORDER BY run, seq, part LIMIT ?;

-- name: list_sending
SELECT lane, run, seq, part, person, due, first, tries, state, request, reason FROM owed WHERE state = 3;

-- name: head_of
-- The lowest event of a person that a lane owes in a run, by the index on (lane, person, run, seq).
SELECT lane, run, seq, part, person, due, first, tries, state, request, reason FROM owed
WHERE lane = ? AND person = ? AND person > 0 AND run = ? ORDER BY seq, part LIMIT 1;

-- name: count_person
SELECT count(*) FROM owed WHERE lane = ? AND person = ? AND person > 0 AND run = ?;

-- name: list_person
SELECT lane, run, seq, part, person, due, first, tries, state, request, reason FROM owed
WHERE lane = ? AND person = ? AND person > 0 AND run = ? ORDER BY seq, part LIMIT ?;

-- name: clamp_due
-- A due further ahead than any wait could have set it is due now: a clock set back parks nothing.
UPDATE owed SET due = ? WHERE lane = ? AND due > ?;

-- name: count_states
SELECT lane, state, count(*) FROM owed GROUP BY lane, state;

-- name: list_owed_seqs
-- By primary key.
SELECT DISTINCT seq FROM owed WHERE lane = ? AND run = ? AND seq >= ? AND seq <= ?;

-- name: lowest_owed
-- By primary key.
SELECT min(seq) FROM owed WHERE lane = ? AND run = ?;

-- name: list_owed_until
-- By primary key.
SELECT lane, run, seq, part, person, due, first, tries, state, request, reason FROM owed
WHERE lane = ? AND run = ? AND seq <= ? ORDER BY seq, part LIMIT ?;
