-- name: insert_lane
INSERT INTO lanes (lane, destination, state, reason, at) VALUES (?, ?, 0, '', ?);

-- name: list_lanes
SELECT lane, destination, state, reason, at FROM lanes ORDER BY lane;

-- name: find_lane
SELECT lane, destination, state, reason, at FROM lanes WHERE destination = ?;

-- name: set_lane
-- By primary key.
UPDATE lanes SET state = ?, reason = ?, at = ? WHERE lane = ?;

-- name: note_lane
-- By primary key.
UPDATE lanes SET reason = ?, at = ? WHERE lane = ? AND state = 0;

-- name: insert_run
INSERT INTO runs (lane, run, start, cursor, until, selection, state, at) VALUES (?, ?, ?, ?, ?, ?, 0, ?);

-- name: list_runs
-- By primary key.
SELECT lane, run, start, cursor, until, selection, state, at FROM runs WHERE lane = ? ORDER BY run;

-- name: find_run
-- By primary key.
SELECT lane, run, start, cursor, until, selection, state, at FROM runs WHERE lane = ? AND run = ?;

-- name: set_cursor
-- By primary key.
UPDATE runs SET cursor = ? WHERE lane = ? AND run = ?;

-- name: set_run
-- By primary key.
UPDATE runs SET state = ? WHERE lane = ? AND run = ?;

-- name: insert_window
INSERT INTO windows (lane, run, first, last, epoch, revision, opened) VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: delete_window
-- By primary key.
DELETE FROM windows WHERE lane = ? AND run = ? AND first = ?;

-- name: list_windows
SELECT lane, run, first, last, epoch, revision, opened FROM windows WHERE epoch < ? ORDER BY lane, run, first;

-- name: find_window
-- The open window that holds an event, by primary key.
SELECT lane, run, first, last, epoch, revision, opened FROM windows
WHERE lane = ? AND run = ? AND first <= ? AND last >= ? ORDER BY first DESC LIMIT 1;

-- name: set_selection
UPDATE runs SET selection = ? WHERE lane = ? AND run = ?;

-- name: prune_runs
-- Runs that ended, whose events are gone; never the one that follows the log.
DELETE FROM runs WHERE lane = ? AND run > 0 AND state <> 0 AND until < ? AND at < ?;
