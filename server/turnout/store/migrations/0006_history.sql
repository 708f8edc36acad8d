-- Whose events, in the order of people: in place of an index, of which each event dirtied a page of its own. Of the
-- newest events, from `counter.ordered` on, `recent` says it, as it says their message ids.
ALTER TABLE recent ADD COLUMN person INTEGER NOT NULL DEFAULT 0;
UPDATE recent SET person = coalesce((SELECT person FROM events WHERE events.seq = recent.seq), 0);
CREATE TABLE history (person INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (person, seq)) WITHOUT ROWID;
INSERT INTO history SELECT person, seq FROM events WHERE seq < (SELECT ordered FROM counter) ORDER BY person, seq;
DROP INDEX events_person;
-- Who counted, without rows for the whole workspace, which those of its sources tell; they stand side by side.
CREATE TABLE metered (
  month INTEGER NOT NULL, namespace TEXT NOT NULL, kind TEXT NOT NULL, key BLOB NOT NULL, source INTEGER NOT NULL,
  linked INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (month, namespace, kind, key, source)
) WITHOUT ROWID;
INSERT INTO metered SELECT month, namespace, kind, key, source, linked, seq FROM meter WHERE source > 0
ORDER BY month, namespace, kind, key, source;
DROP TABLE meter;
ALTER TABLE metered RENAME TO meter;
-- Keys on events hold as long as these and go after them, by the index on `first`: none of theirs by time.
DROP INDEX idempotency_expires;
CREATE INDEX idempotency_expires ON idempotency (expires) WHERE first = 0 OR expires - used < 3600000000;
