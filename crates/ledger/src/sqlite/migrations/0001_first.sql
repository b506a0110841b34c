-- Instants are microseconds since 1970 UTC. Partners are named by the canonical key of their id.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
    id                     BLOB PRIMARY KEY,   -- the SessionID's sixteen bytes
    operator               TEXT NOT NULL,
    provider               TEXT,               -- once one has said yes
    state                  TEXT NOT NULL,      -- pending, active, closed
    opened_at              INTEGER NOT NULL,
    decided_at             INTEGER,
    evse                   TEXT,
    medium                 BLOB NOT NULL,      -- keyed hash of card or contract
    cpo_partner_session_id BLOB,               -- bytes: NUL is legal JSON
    emp_partner_session_id BLOB,
    last_progress_at       INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE authorisation (
    process     BLOB PRIMARY KEY,
    session     BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    request     BLOB NOT NULL,                 -- as received, a PIN overwritten
    code        INTEGER,                       -- once decided
    provider    TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX authorisation_session ON authorisation (session);

-- Providers that said yes after the decision had fallen: they believe in a session that is not theirs.
CREATE TABLE conflict (
    session  BLOB NOT NULL,
    provider TEXT NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (session, provider)
) STRICT, WITHOUT ROWID;

-- Which provider said yes to a medium last.
CREATE TABLE card (
    medium   BLOB PRIMARY KEY,
    provider TEXT NOT NULL,
    seen_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE notification (
    no          INTEGER PRIMARY KEY,           -- order of arrival
    process     BLOB NOT NULL,
    session     BLOB NOT NULL,
    operator    TEXT NOT NULL,
    provider    TEXT NOT NULL,
    type        TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    evse        TEXT NOT NULL,
    digest      BLOB NOT NULL,                 -- SHA-256 of the body as received
    findings    TEXT,                          -- JSON
    body        BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX notification_process ON notification (process);
-- Eight bytes of the digest tell a session's messages apart and keep the index small; the rest is compared in the row.
CREATE INDEX notification_session ON notification (session, substr(digest, 1, 8));

-- What is owed: open deliveries only, so this table stays small however long the history grows.
-- leased: lease_until set; deferred: due_at set; parked behind an earlier one of the session: neither.
-- Numbers come from the program and are never used twice, or an old lease could fit a new delivery.
CREATE TABLE delivery (
    no           INTEGER PRIMARY KEY,
    notification INTEGER NOT NULL,
    session      BLOB NOT NULL,
    provider     TEXT NOT NULL,
    type         TEXT NOT NULL,
    has_pin      INTEGER NOT NULL,             -- the stored body is overwritten once delivered
    token        INTEGER NOT NULL,             -- fencing; also the number of the attempt
    lease_until  INTEGER,
    due_at       INTEGER,
    gives_up_at  INTEGER NOT NULL,
    recorded     INTEGER NOT NULL DEFAULT 0,   -- attempts with a recorded result
    faulted      INTEGER NOT NULL DEFAULT 0,
    unusable     INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX delivery_session ON delivery (session);
CREATE INDEX delivery_parked ON delivery (session) WHERE lease_until IS NULL AND due_at IS NULL;
CREATE INDEX delivery_due ON delivery (provider, due_at) WHERE due_at IS NOT NULL;

-- How deliveries ended. The attempt that ended one is kept with its end: most messages need a single one.
CREATE TABLE delivery_history (
    notification    INTEGER NOT NULL,
    delivery        INTEGER NOT NULL,
    state           TEXT NOT NULL,
    reason          TEXT,
    ended_at        INTEGER NOT NULL,
    number          INTEGER,                   -- of the last attempt; null if none ended it
    started_at      INTEGER,
    took_ms         INTEGER,
    outcome         TEXT,
    http_status     INTEGER,
    acknowledgement BLOB,                      -- JSON
    detail          TEXT,
    finding         TEXT,                      -- JSON
    PRIMARY KEY (notification, delivery)
) STRICT, WITHOUT ROWID;

-- Attempts that did not end their delivery.
CREATE TABLE attempt (
    delivery        INTEGER NOT NULL,
    number          INTEGER NOT NULL,
    late            INTEGER NOT NULL,          -- recorded after the lease had been lost
    started_at      INTEGER NOT NULL,
    took_ms         INTEGER NOT NULL,
    outcome         TEXT NOT NULL,
    http_status     INTEGER,
    acknowledgement BLOB,                      -- JSON
    detail          TEXT NOT NULL,
    finding         TEXT,                      -- JSON
    PRIMARY KEY (delivery, number, late)
) STRICT, WITHOUT ROWID;

-- Requests that were refused; bounded, the oldest go.
CREATE TABLE refusal (
    no          INTEGER PRIMARY KEY AUTOINCREMENT,
    process     BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    service     TEXT NOT NULL,
    partner     TEXT,
    session     TEXT,
    http_status INTEGER NOT NULL,
    code        INTEGER NOT NULL,
    reason      TEXT NOT NULL
) STRICT;

-- The partners document (TOML), every version of it.
CREATE TABLE partners (
    version  INTEGER PRIMARY KEY AUTOINCREMENT,
    at       INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;
