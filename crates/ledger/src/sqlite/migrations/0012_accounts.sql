-- People who use the console. Passwords are kept as argon2id with salt and cost, in the usual text form.
CREATE TABLE user_account (
    name         TEXT PRIMARY KEY,
    role         TEXT NOT NULL,             -- read, operate, administer, partner
    partner      TEXT,                      -- whose, for the role partner: "DE-DCB", "DE*ABC"
    password     TEXT NOT NULL,
    added_at     INTEGER NOT NULL,
    password_at  INTEGER NOT NULL,
    last_log_in  INTEGER
) STRICT, WITHOUT ROWID;

-- Log-ins that hold. What finds one is random; only its SHA-256 is here.
CREATE TABLE log_in (
    hash         BLOB PRIMARY KEY,
    user         TEXT NOT NULL,
    opened_at    INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX log_in_of_user ON log_in (user);

CREATE TABLE api_token (
    no           INTEGER PRIMARY KEY AUTOINCREMENT,
    hash         BLOB NOT NULL UNIQUE,
    name         TEXT NOT NULL,
    role         TEXT NOT NULL,
    partner      TEXT,
    owner        TEXT,                      -- the user it goes with
    parent       INTEGER,                   -- the token that made it
    made_at      INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER,
    revoked_at   INTEGER
) STRICT;

-- Who did what. Lines about nobody the hub knows are bounded, the oldest go.
CREATE TABLE audit (
    no      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    kind    TEXT NOT NULL,                  -- local, user, token, nobody
    who     TEXT NOT NULL,
    origin  TEXT,                           -- the address it came from
    action  TEXT NOT NULL,
    about   TEXT,
    outcome TEXT NOT NULL,                  -- done, refused, failed
    detail  TEXT
) STRICT;
CREATE INDEX audit_of_nobody ON audit (no) WHERE kind = 'nobody';

-- How fast lanes are drained, where somebody has said so; the partners file is the bound.
CREATE TABLE lane_rate (
    provider   TEXT PRIMARY KEY,
    per_second INTEGER NOT NULL,
    set_at     INTEGER NOT NULL,
    set_by     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
