-- Where the talk about an owed part left off, and what its steps saved: goes with the row. NULL: it begins anew.
ALTER TABLE owed ADD COLUMN place BLOB;
