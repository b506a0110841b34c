-- Sessions from the question to the providers until the watchdog has taken note of the answer: small, however many
-- sessions there are. What a crash leaves here undecided is voided.
CREATE TABLE opening (
    session    BLOB PRIMARY KEY,
    operator   TEXT NOT NULL,
    medium     BLOB NOT NULL,
    opened_at  INTEGER NOT NULL,
    decided_at INTEGER,
    provider   TEXT,                    -- who said yes
    code       INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO opening (session, operator, medium, opened_at)
SELECT id, operator, medium, opened_at FROM session WHERE state = 'pending';

-- What the watchdog knows of each session, kept up behind the writer.
CREATE TABLE watch (
    session        BLOB PRIMARY KEY,
    operator       TEXT NOT NULL,
    provider       TEXT NOT NULL,
    medium         BLOB NOT NULL,       -- keyed hash of card or contract
    authorised_at  INTEGER NOT NULL,
    first_heard_at INTEGER,
    last_heard_at  INTEGER,
    progress       INTEGER NOT NULL DEFAULT 0,
    distance       INTEGER NOT NULL DEFAULT 0, -- longest between a Progress and the message before it, microseconds
    ended_at       INTEGER,
    look_at        INTEGER,             -- when to judge it; null: not watched any more
    ghost          TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX watch_look ON watch (look_at) WHERE look_at IS NOT NULL;
CREATE INDEX watch_medium ON watch (medium, authorised_at);
INSERT INTO watch (session, operator, provider, medium, authorised_at, look_at)
SELECT id, operator, provider, medium, coalesce(decided_at, opened_at), coalesce(decided_at, opened_at)
FROM session WHERE state = 'active' AND provider IS NOT NULL;

-- Sessions that look like ghosts, as long as they do.
CREATE TABLE ghost (
    session       BLOB NOT NULL,
    provider      TEXT NOT NULL,        -- who believes in it; empty if not known
    kind          TEXT NOT NULL,
    operator      TEXT NOT NULL,
    opened_at     INTEGER NOT NULL,
    last_heard_at INTEGER,
    since         INTEGER NOT NULL,
    PRIMARY KEY (session, provider)
) STRICT, WITHOUT ROWID;
CREATE INDEX ghost_operator ON ghost (operator, kind, since);

-- Authorisations refused while an earlier session of the same medium stood open; bounded, the oldest go.
CREATE TABLE blocked (
    no        INTEGER PRIMARY KEY AUTOINCREMENT,
    at        INTEGER NOT NULL,
    operator  TEXT NOT NULL,
    code      INTEGER NOT NULL,
    earlier   BLOB NOT NULL,            -- the session that stood open
    caused_by TEXT NOT NULL,            -- its operator
    provider  TEXT NOT NULL
) STRICT;
