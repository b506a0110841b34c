-- How far the bodies of messages, records and requests have been looked at; what had to stay stands in `retained`.
CREATE TABLE retention_mark (
    kind TEXT PRIMARY KEY,
    upto INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Old bodies that had to stay when their turn came: owed, held, or of a session that is not over. Looked at in each pass.
CREATE TABLE retained (
    kind TEXT NOT NULL,                        -- bodies, records
    no   INTEGER NOT NULL,                     -- of the notification
    PRIMARY KEY (kind, no)
) STRICT, WITHOUT ROWID;

-- Charge detail records without their identification, for accounts. Only appended, and removed from the front.
CREATE TABLE kept_record (
    no          INTEGER PRIMARY KEY,           -- of the notification it was
    process     BLOB NOT NULL,
    session     BLOB NOT NULL,
    operator    TEXT NOT NULL,
    provider    TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    digest      BLOB NOT NULL,                 -- SHA-256 of the bytes as received
    record      BLOB NOT NULL                  -- JSON
) STRICT;

-- Passes that were carried through; bounded, the oldest go.
CREATE TABLE retention_pass (
    no       INTEGER PRIMARY KEY AUTOINCREMENT,
    began_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    removed  TEXT NOT NULL                     -- JSON
) STRICT;
