-- Ends that the hub has issued on operators' behalf: one for each provider that believed in the session.
CREATE TABLE issued (
    session      BLOB NOT NULL,                -- as the provider knows it; the notification of a late yes has a key of its own
    provider     TEXT NOT NULL,
    operator     TEXT NOT NULL,
    notification INTEGER NOT NULL,             -- its number
    ground       TEXT NOT NULL,                -- expired, late-yes
    issued_at    INTEGER NOT NULL,
    wrong_at     INTEGER,                      -- when a real message showed that the session had gone on
    PRIMARY KEY (session, provider)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX issued_notification ON issued (notification);

-- Operators that have lost their mandate; what is given back stays as a record of who did what.
CREATE TABLE mandate_suspension (
    no           INTEGER PRIMARY KEY,
    operator     TEXT NOT NULL,
    suspended_at INTEGER NOT NULL,
    session      BLOB NOT NULL,                -- the one that was ended and went on
    shown_by     BLOB NOT NULL,                -- Process-ID of the message that showed it
    restored_at  INTEGER,                      -- null while it is lost
    restored_by  TEXT
) STRICT;
CREATE UNIQUE INDEX mandate_suspension_now ON mandate_suspension (operator) WHERE restored_at IS NULL;

-- Sessions that should have been ended, and were not because nobody knew where they were.
CREATE TABLE passed_over (
    session  BLOB NOT NULL,
    provider TEXT NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (session, provider)
) STRICT, WITHOUT ROWID;

-- What an End that is owed for a late yes is found by; null where nobody knew it any more.
ALTER TABLE conflict ADD COLUMN medium BLOB;
