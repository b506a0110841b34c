-- Messages of a session are found by runs of thousands of messages, each sorted by session and written in one go behind
-- the writer: an index over all of them would cost every message a page of its own. A run is named by its last message.
DROP INDEX notification_session;
CREATE TABLE message_run (
    run INTEGER PRIMARY KEY                    -- complete ones only
) STRICT;
CREATE TABLE message_of_session (
    run     INTEGER NOT NULL,
    session BLOB NOT NULL,
    no      INTEGER NOT NULL,
    digest  INTEGER NOT NULL,                  -- the first eight bytes of it tell a session's messages apart
    PRIMARY KEY (run, session, no)
) STRICT, WITHOUT ROWID;

-- The newest message when the session was opened: its own are later, and so are their runs.
ALTER TABLE session ADD COLUMN opened_after INTEGER NOT NULL DEFAULT 0;

-- Open deliveries lie together by session, in one tree.
CREATE TABLE delivery_by_session (
    session      BLOB NOT NULL,
    no           INTEGER NOT NULL,
    notification INTEGER NOT NULL,
    provider     TEXT NOT NULL,
    type         TEXT NOT NULL,
    has_pin      INTEGER NOT NULL,             -- the stored body is overwritten once delivered
    token        INTEGER NOT NULL,             -- fencing; also the number of the attempt
    lease_until  INTEGER,
    due_at       INTEGER,
    gives_up_at  INTEGER NOT NULL,
    recorded     INTEGER NOT NULL DEFAULT 0,   -- attempts with a recorded result
    faulted      INTEGER NOT NULL DEFAULT 0,
    unusable     INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (session, no)
) STRICT, WITHOUT ROWID;
INSERT INTO delivery_by_session
    SELECT session, no, notification, provider, type, has_pin, token, lease_until, due_at, gives_up_at, recorded,
           faulted, unusable FROM delivery;
DROP TABLE delivery;
ALTER TABLE delivery_by_session RENAME TO delivery;
CREATE INDEX delivery_parked ON delivery (session) WHERE lease_until IS NULL AND due_at IS NULL;
CREATE INDEX delivery_due ON delivery (provider, due_at) WHERE due_at IS NOT NULL;
