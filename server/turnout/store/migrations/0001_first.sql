-- The first schema. Times are microseconds, UTC; codes and states are numbers of the modules that name them.

-- One row: the next numbers of each kind, never used twice; the reign; a generation for each kind of cache.
CREATE TABLE counter (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  workspace TEXT NOT NULL,
  keys BLOB NOT NULL,
  seq INTEGER NOT NULL, request INTEGER NOT NULL, person INTEGER NOT NULL, lane INTEGER NOT NULL,
  source INTEGER NOT NULL, run INTEGER NOT NULL,
  epoch INTEGER NOT NULL, revision INTEGER NOT NULL, people INTEGER NOT NULL, regulations INTEGER NOT NULL,
  lanes INTEGER NOT NULL
);

-- The log. `body` last, as received. flags: 1 tombstone, 2 the same message id came again with another body.
CREATE TABLE events (
  seq INTEGER PRIMARY KEY, received INTEGER NOT NULL, source INTEGER NOT NULL, kind INTEGER NOT NULL,
  name INTEGER NOT NULL, namespace TEXT NOT NULL, person INTEGER NOT NULL, flags INTEGER NOT NULL,
  meta BLOB NOT NULL, body BLOB NOT NULL
);
CREATE INDEX events_person ON events (person, seq);

-- Dedupe: BLAKE2b of (source, message id).
CREATE TABLE messages (key BLOB PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;

-- Event names seen, at most 10,000 a source and kind, then one named ''.
CREATE TABLE names (
  id INTEGER PRIMARY KEY, source INTEGER NOT NULL, kind INTEGER NOT NULL, name TEXT NOT NULL,
  first INTEGER NOT NULL, last INTEGER NOT NULL, n INTEGER NOT NULL, UNIQUE (source, kind, name)
);

-- Events a month, by namespace and source.
CREATE TABLE volumes (
  month INTEGER NOT NULL, namespace TEXT NOT NULL, source INTEGER NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (month, namespace, source)
) WITHOUT ROWID;

-- What the door refused; bounded.
CREATE TABLE refused (
  id INTEGER PRIMARY KEY, received INTEGER NOT NULL, source INTEGER NOT NULL, namespace TEXT NOT NULL,
  reason TEXT NOT NULL, say TEXT NOT NULL, message_id TEXT NOT NULL, body BLOB NOT NULL
);

-- People. Keys are HMACs of (namespace, type, value).
CREATE TABLE identifiers (
  key BLOB PRIMARY KEY, person INTEGER NOT NULL, type INTEGER NOT NULL, value TEXT NOT NULL,
  namespace TEXT NOT NULL, seq INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX identifiers_person ON identifiers (person);
CREATE TABLE links (
  loser INTEGER PRIMARY KEY, survivor INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, because TEXT NOT NULL
);
CREATE INDEX links_survivor ON links (survivor);
CREATE TABLE profiles (
  person INTEGER PRIMARY KEY, namespace TEXT NOT NULL, created INTEGER NOT NULL, merges INTEGER NOT NULL
);

-- Who counted, once a month: `seq` is the event that counted it. Source 0 is the whole workspace.
CREATE TABLE meter (
  month INTEGER NOT NULL, namespace TEXT NOT NULL, source INTEGER NOT NULL, kind TEXT NOT NULL,
  key BLOB NOT NULL, linked INTEGER NOT NULL, seq INTEGER NOT NULL,
  PRIMARY KEY (month, namespace, source, kind, key)
) WITHOUT ROWID;

-- Idempotency. `key` is an HMAC; `first` and `last` the events of the call, 0 without. state: 1 done, 2 claimed,
-- 3 erased, 4 outcome unknown.
CREATE TABLE idempotency (
  principal TEXT NOT NULL, operation TEXT NOT NULL, key BLOB NOT NULL, fingerprint BLOB NOT NULL, answer BLOB NOT NULL,
  first INTEGER NOT NULL, last INTEGER NOT NULL, used INTEGER NOT NULL, expires INTEGER NOT NULL, state INTEGER NOT NULL,
  PRIMARY KEY (principal, operation, key)
) WITHOUT ROWID;
CREATE INDEX idempotency_expires ON idempotency (expires);
CREATE INDEX idempotency_events ON idempotency (first) WHERE first > 0;

-- A destination's way through the log. state: 1 standing still (a person paused it), 0 running, 2 removed.
CREATE TABLE lanes (
  lane INTEGER PRIMARY KEY, destination TEXT NOT NULL, state INTEGER NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL
);
-- Run 0 follows the log; a further run has a selection. state: 0 running, 1 done, 2 cancelled.
CREATE TABLE runs (
  lane INTEGER NOT NULL, run INTEGER NOT NULL, start INTEGER NOT NULL, cursor INTEGER NOT NULL, until INTEGER NOT NULL,
  selection BLOB NOT NULL, state INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (lane, run)
) WITHOUT ROWID;
-- Open windows only: what may be on its way.
CREATE TABLE windows (
  lane INTEGER NOT NULL, run INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, epoch INTEGER NOT NULL,
  revision INTEGER NOT NULL, opened INTEGER NOT NULL, PRIMARY KEY (lane, run, first)
) WITHOUT ROWID;
-- The ledger: final rows, from `seq` to `last`.
CREATE TABLE deliveries (
  lane INTEGER NOT NULL, run INTEGER NOT NULL, seq INTEGER NOT NULL, part INTEGER NOT NULL, last INTEGER NOT NULL,
  code INTEGER NOT NULL, reason INTEGER NOT NULL, request INTEGER NOT NULL, PRIMARY KEY (lane, run, seq, part)
) WITHOUT ROWID;
-- The queue: what is not final. state: 1 retry, 2 held, 3 sending, 4 unknown. `person` 0: without order.
CREATE TABLE owed (
  lane INTEGER NOT NULL, run INTEGER NOT NULL, seq INTEGER NOT NULL, part INTEGER NOT NULL, person INTEGER NOT NULL,
  due INTEGER, first INTEGER NOT NULL, tries INTEGER NOT NULL, state INTEGER NOT NULL, request INTEGER NOT NULL,
  reason INTEGER NOT NULL, PRIMARY KEY (lane, run, seq, part)
) WITHOUT ROWID;
CREATE INDEX owed_due ON owed (lane, due) WHERE due IS NOT NULL;
-- The key is the rest of this index: it finds a person's rows on any lane, and those of one lane's run in order.
CREATE INDEX owed_whose ON owed (person) WHERE person > 0;
CREATE INDEX owed_sending ON owed (lane) WHERE state = 3;
-- One row a request. `members`: (seq, part) packed, for batches and for whatever was not the end of it.
CREATE TABLE requests (
  id INTEGER PRIMARY KEY, lane INTEGER NOT NULL, run INTEGER NOT NULL, n INTEGER NOT NULL, epoch INTEGER NOT NULL,
  revision INTEGER NOT NULL, manifest BLOB NOT NULL, members BLOB, status INTEGER, outcome TEXT,
  sent INTEGER NOT NULL, took INTEGER NOT NULL
);
CREATE INDEX requests_members ON requests (lane, id) WHERE members IS NOT NULL;
CREATE INDEX requests_open ON requests (epoch) WHERE outcome IS NULL;
CREATE TABLE reasons (id INTEGER PRIMARY KEY, code INTEGER NOT NULL, text TEXT NOT NULL, UNIQUE (code, text));
-- Lane 0 is the door. Codes from 1,000 on are buckets of the time that requests took.
CREATE TABLE counts (
  lane INTEGER NOT NULL, hour INTEGER NOT NULL, code INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (lane, hour, code)
) WITHOUT ROWID;
-- Evidence: one zstd frame a settled batch, for requests `first` to `last`. kept: 0 in the ring, 1 until retention.
CREATE TABLE exchanges (
  kept INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, at INTEGER NOT NULL, size INTEGER NOT NULL,
  frame BLOB NOT NULL, PRIMARY KEY (kept, first)
);

-- Configuration: content-addressed leaves; a leaf without digest is a removal.
CREATE TABLE entities (
  kind TEXT NOT NULL, id TEXT NOT NULL, revision INTEGER NOT NULL, digest BLOB, PRIMARY KEY (kind, id, revision)
) WITHOUT ROWID;
CREATE TABLE documents (digest BLOB PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE revisions (revision INTEGER PRIMARY KEY, at INTEGER NOT NULL, principal TEXT NOT NULL, operation TEXT NOT NULL);
CREATE TABLE secrets (
  entity TEXT NOT NULL, field TEXT NOT NULL, sealed BLOB NOT NULL, PRIMARY KEY (entity, field)
) WITHOUT ROWID;

-- Privacy. Keys are HMACs as those of identifiers.
CREATE TABLE suppressions (key BLOB PRIMARY KEY, at INTEGER NOT NULL, regulation TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE regulations (
  id TEXT PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, namespace TEXT NOT NULL, state TEXT NOT NULL,
  person INTEGER NOT NULL, subject BLOB NOT NULL, until INTEGER NOT NULL, steps BLOB NOT NULL, finished INTEGER
);
CREATE TABLE audit (
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, principal TEXT NOT NULL, client TEXT NOT NULL, operation TEXT NOT NULL,
  digest BLOB NOT NULL, outcome TEXT NOT NULL, detail TEXT NOT NULL, previous BLOB NOT NULL, hash BLOB NOT NULL
);
