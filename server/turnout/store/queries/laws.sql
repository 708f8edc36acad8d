-- name: list_nowhere
-- What a lane has passed and is in no ledger row, not owed, and in no open window: the last of each lane, as many as
-- are asked for; of each event by primary key.
SELECT r.lane, e.seq FROM runs r CROSS JOIN events e ON e.seq > max(r.start, r.cursor - ?) AND e.seq <= r.cursor
WHERE r.run = 0
AND coalesce((SELECT d.last FROM deliveries d WHERE d.lane = r.lane AND d.run = 0 AND d.seq <= e.seq
  ORDER BY d.seq DESC LIMIT 1), 0) < e.seq
AND NOT EXISTS (SELECT 1 FROM owed o WHERE o.lane = r.lane AND o.run = 0 AND o.seq = e.seq)
AND NOT EXISTS (SELECT 1 FROM windows w WHERE w.lane = r.lane AND w.run = 0 AND w.first <= e.seq AND w.last >= e.seq)
LIMIT 10;

-- name: list_twice
-- What is final and owed at once: of the first rows of the queue, as many as are asked for.
SELECT o.lane, o.seq FROM (SELECT lane, run, seq, part FROM owed LIMIT ?) o
JOIN deliveries d ON d.lane = o.lane AND d.run = o.run AND d.seq = o.seq AND d.part = o.part LIMIT 10;

-- name: list_beyond
-- What is owed though its run has not passed it: of the first rows of the queue, as many as are asked for.
SELECT o.lane, o.seq FROM (SELECT lane, run, seq FROM owed LIMIT ?) o
JOIN runs r ON r.lane = o.lane AND r.run = o.run WHERE o.seq > r.cursor LIMIT 10;

-- name: list_overdue
-- The longest due of each lane, by the index owed_due.
SELECT lane, min(due), count(*) FROM owed WHERE due IS NOT NULL AND due < ? GROUP BY lane;

-- name: list_astray
-- Events that nobody's history tells, of the last ones: all by primary key.
SELECT e.seq FROM events e WHERE e.seq > ? AND NOT CASE WHEN e.seq < ?
THEN EXISTS (SELECT 1 FROM history h WHERE h.person = e.person AND h.seq = e.seq)
ELSE EXISTS (SELECT 1 FROM recent n WHERE n.seq = e.seq AND n.person = e.person) END LIMIT 10;
