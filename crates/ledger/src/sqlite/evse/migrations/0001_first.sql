-- Numbers and instants that belong to the whole file. `stamp`: the last time stamp given, in microseconds.
-- `history`: states before this instant cannot be rebuilt.
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID, STRICT;

-- Whoever has pushed. `head`: its newest push that was carried out. `floor`: the one that held when history was last cut.
CREATE TABLE operator (
    no    INTEGER PRIMARY KEY,
    key   TEXT NOT NULL UNIQUE,
    head  INTEGER NOT NULL DEFAULT 0,
    floor INTEGER NOT NULL DEFAULT 0,
    total INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Pushes of EVSE records. Without a version it is not finished, and nobody sees what it has written.
CREATE TABLE push (
    no       INTEGER PRIMARY KEY AUTOINCREMENT,
    operator INTEGER NOT NULL,
    version  INTEGER UNIQUE,
    at       INTEGER UNIQUE,
    action   TEXT,
    added    INTEGER,
    changed  INTEGER,
    removed  INTEGER
) STRICT;
CREATE INDEX push_operator ON push (operator, version);

-- Records, each from one push of its operator to another. Narrow, because pulls scan it: the bytes are in `body`. Words are
-- kept as their places in the protocol's lists, a set of words as bits in that order.
CREATE TABLE evse (
    no            INTEGER PRIMARY KEY AUTOINCREMENT,
    operator      INTEGER NOT NULL,
    since         INTEGER NOT NULL,
    until         INTEGER,
    key           TEXT NOT NULL,
    digest        BLOB NOT NULL,
    country       TEXT NOT NULL,
    latitude      INTEGER NOT NULL,
    longitude     INTEGER NOT NULL,
    modes         INTEGER NOT NULL,
    accessibility INTEGER NOT NULL,
    calibration   INTEGER NOT NULL,
    renewable     INTEGER NOT NULL,
    compatible    INTEGER NOT NULL,
    open_24h      INTEGER NOT NULL,
    dynamic       INTEGER NOT NULL,
    hub_operator  TEXT
) STRICT;
-- Who holds an EvseID, or held it.
CREATE INDEX evse_key ON evse (key);
-- What an operator has, in the order in which a full load is compared with it.
CREATE INDEX evse_current ON evse (operator, key, digest) WHERE until IS NULL;
-- What a push has brought, and what it has ended.
CREATE INDEX evse_since ON evse (operator, since);
CREATE INDEX evse_until ON evse (operator, until) WHERE until IS NOT NULL;

CREATE TABLE body (no INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;

CREATE VIRTUAL TABLE place USING rtree_i32 (no, south, north, west, east);

-- The full load of an operator that is held.
CREATE TABLE held (
    operator     TEXT PRIMARY KEY,
    digest       BLOB NOT NULL,
    first_at     INTEGER NOT NULL,
    until        INTEGER NOT NULL,
    times        INTEGER NOT NULL,
    would_remove INTEGER NOT NULL,
    of           INTEGER NOT NULL,
    confirmed_at INTEGER
) STRICT;

-- Which version a provider's first page froze: later pages go on with it, also after a restart.
CREATE TABLE pull (
    provider TEXT NOT NULL,
    query    BLOB NOT NULL,
    version  INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (provider, query)
) WITHOUT ROWID, STRICT;

CREATE TABLE status (
    operator INTEGER NOT NULL,
    key      TEXT NOT NULL,
    spelt    TEXT NOT NULL,
    status   INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (operator, key)
) WITHOUT ROWID, STRICT;
CREATE INDEX status_key ON status (key);

-- Dynamic prices. `audience`: a provider's key, or '*'.
CREATE TABLE price_list (
    operator   INTEGER NOT NULL,
    audience   TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    terms      BLOB NOT NULL,
    PRIMARY KEY (operator, audience)
) WITHOUT ROWID, STRICT;

CREATE TABLE product (
    operator   INTEGER NOT NULL,
    audience   TEXT NOT NULL,
    id         TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    body       BLOB NOT NULL,
    PRIMARY KEY (operator, audience, id)
) WITHOUT ROWID, STRICT;

CREATE TABLE evse_price (
    operator   INTEGER NOT NULL,
    evse       TEXT NOT NULL,
    audience   TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    body       BLOB NOT NULL,
    PRIMARY KEY (operator, evse, audience)
) WITHOUT ROWID, STRICT;
