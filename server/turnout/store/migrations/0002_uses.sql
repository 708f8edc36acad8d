-- When a bearer token was used last, to a minute; the tokens themselves are configuration.
CREATE TABLE uses (token TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
