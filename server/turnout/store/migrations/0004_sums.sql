-- A checksum of each event as it was appended (`store/sums`). NULL: a tombstone, or appended before there were sums.
ALTER TABLE events ADD COLUMN sum INTEGER;
-- The same of a leaf of the configuration; what it says has its digest.
ALTER TABLE entities ADD COLUMN sum TEXT;
