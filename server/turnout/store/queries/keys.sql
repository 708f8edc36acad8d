-- name: find_key
SELECT fingerprint, answer, first, last, used, expires, state FROM idempotency
WHERE principal = ? AND operation = ? AND key = ?;

-- name: put_key
INSERT INTO idempotency (principal, operation, key, fingerprint, answer, first, last, used, expires, state)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (principal, operation, key) DO UPDATE SET fingerprint = excluded.fingerprint, answer = excluded.answer,
first = excluded.first, last = excluded.last, used = excluded.used, expires = excluded.expires, state = excluded.state;

-- name: erase_answers
-- By the partial index on first: the rows whose calls recorded this event.
UPDATE idempotency SET answer = x'', state = 3
WHERE first > 0 AND first <= ? AND first > ? - 501 AND last >= ? AND state <> 3;

-- name: prune_keys
-- By the partial index idempotency_expires: what holds for an hour or less, or is on no event.
DELETE FROM idempotency WHERE (principal, operation, key) IN
(SELECT principal, operation, key FROM idempotency
WHERE (first = 0 OR expires - used < 3600000000) AND expires < ? LIMIT ?);

-- name: prune_event_keys
-- By the partial index idempotency_events: of the keys whose events are gone, the oldest.
DELETE FROM idempotency WHERE (principal, operation, key) IN
(SELECT principal, operation, key FROM idempotency WHERE first > 0 AND first < ? AND last < ? ORDER BY first LIMIT ?);
