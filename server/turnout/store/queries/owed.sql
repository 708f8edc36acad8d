-- name: put_owed
INSERT INTO owed (lane, run, seq, part, person, due, first, tries, state, request, reason, place)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (lane, run, seq, part) DO UPDATE SET person = excluded.person, due = excluded.due, first = excluded.first,
tries = excluded.tries, state = excluded.state, request = excluded.request, reason = excluded.reason,
place = excluded.place;

-- name: get_owed
-- By primary key.
SELECT lane, run, seq, part, person, due, first, tries, state, request, reason, place FROM owed
WHERE lane = ? AND run = ? AND seq = ? AND part = ?;

-- name: list_event_owed
-- By primary key.
SELECT lane, run, seq, part, person, due, first, tries, state, request, reason, place FROM owed
WHERE lane = ? AND run = ? AND seq = ? ORDER BY part;

-- name: delete_owed
-- By primary key.
DELETE FROM owed WHERE lane = ? AND run = ? AND seq = ? AND part = ?;

-- name: list_due
-- By the index owed_due.
SELECT lane, run, seq, part, person, due, first, tries, state, request, reason, place FROM owed
WHERE lane = ? AND due <= ? ORDER BY due, seq LIMIT ?;

-- name: next_due
-- By the index owed_due.
SELECT min(due) FROM owed WHERE lane = ? AND due IS NOT NULL;

-- name: count_owed
-- By primary key, over all of a lane's rows.
SELECT count(*) FROM owed WHERE lane = ?;

-- name: any_owed
-- By primary key.
SELECT EXISTS (SELECT 1 FROM owed WHERE lane = ?);

-- name: count_up_to
-- Counts no further than asked, by primary key.
SELECT count(*) FROM (SELECT 1 FROM owed WHERE lane = ? LIMIT ?);

-- name: list_lane_owed
-- By primary key; what is on its way is left to its answer.
SELECT lane, run, seq, part, person, due, first, tries, state, request, reason, place FROM owed
WHERE lane = ? AND state <> 3 ORDER BY run, seq, part LIMIT ?;

-- name: list_sending
-- By the index owed_sending.
SELECT lane, run, seq, part, person, due, first, tries, state, request, reason, place FROM owed WHERE state = 3;

-- name: head_of
-- The lowest event of a person that a lane owes in a run, by the index owed_whose.
SELECT lane, run, seq, part, person, due, first, tries, state, request, reason, place FROM owed
WHERE lane = ? AND person = ? AND person > 0 AND run = ? ORDER BY seq, part LIMIT 1;

-- name: count_person
-- By the index owed_whose.
SELECT count(*) FROM owed WHERE lane = ? AND person = ? AND person > 0 AND run = ?;

-- name: list_person
-- By the index owed_whose.
SELECT lane, run, seq, part, person, due, first, tries, state, request, reason, place FROM owed
WHERE lane = ? AND person = ? AND person > 0 AND run = ? ORDER BY seq, part LIMIT ?;

-- name: clamp_due
-- A due further ahead than any wait could have set it is due now: a clock set back parks nothing. By the index owed_due.
UPDATE owed SET due = ? WHERE lane = ? AND due > ?;

-- name: count_states
SELECT lane, state, count(*) FROM owed GROUP BY lane, state;

-- name: count_states_up_to
-- Counts no further than asked, by primary key.
SELECT state, count(*) FROM (SELECT state FROM owed WHERE lane = ? LIMIT ?) GROUP BY state;

-- name: list_owed_seqs
-- By primary key.
SELECT DISTINCT seq FROM owed WHERE lane = ? AND run = ? AND seq >= ? AND seq <= ?;

-- name: lowest_owed
-- By primary key.
SELECT min(seq) FROM owed WHERE lane = ? AND run = ?;

-- name: list_owed_until
-- By primary key; what is on its way is left to its answer.
SELECT lane, run, seq, part, person, due, first, tries, state, request, reason, place FROM owed
WHERE lane = ? AND run = ? AND seq <= ? AND state <> 3 ORDER BY seq, part LIMIT ?;

-- name: list_owed_after
-- On by primary key, in pages: every row of every lane.
SELECT lane, run, seq, part, person, due, first, tries, state, request, reason, place FROM owed
WHERE (lane, run, seq, part) > (?, ?, ?, ?) ORDER BY lane, run, seq, part LIMIT ?;
