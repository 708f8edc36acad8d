-- Where the talk about an owed part left off, and what its steps saved: goes with the row. NULL: it begins anew.
ALTER TABLE owed ADD COLUMN place BLOB;
-- What an action did, or is about to do, for a key for which it does it once: (run, seq, part) holds it.
CREATE TABLE once (
  lane INTEGER NOT NULL, key BLOB NOT NULL, run INTEGER NOT NULL, seq INTEGER NOT NULL, part INTEGER NOT NULL,
  until INTEGER NOT NULL, done INTEGER NOT NULL, PRIMARY KEY (lane, key)
) WITHOUT ROWID;
CREATE INDEX once_until ON once (until);
-- The list that stands for an audience at a vendor.
CREATE TABLE lists (
  lane INTEGER NOT NULL, key TEXT NOT NULL, remote TEXT NOT NULL, PRIMARY KEY (lane, key)
) WITHOUT ROWID;
