-- Dedupe, the newest ids: in the order of their events. A part of `messages` at a time takes them over, in its own order:
-- one by one, each would dirty a page of its own there.
CREATE TABLE recent (seq INTEGER PRIMARY KEY, key BLOB NOT NULL);
-- The ids of events before this one are in `messages`.
ALTER TABLE counter ADD COLUMN ordered INTEGER NOT NULL DEFAULT 0;
UPDATE counter SET ordered = seq;
