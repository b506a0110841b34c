-- Cards and contracts that providers uploaded. A row is valid from its provider's version `since` to before `until`;
-- rows of a version that is still to come are those of a push under way.
CREATE TABLE uploaded (
    no         INTEGER PRIMARY KEY,
    provider   TEXT NOT NULL,
    medium     BLOB NOT NULL,                  -- keyed hash of card or contract
    form       TEXT NOT NULL,                  -- card, code, contract, remote
    since      INTEGER NOT NULL,
    until      INTEGER,
    contract   BLOB,                           -- keyed hash of the contract a card belongs to
    issuer     TEXT,                           -- the provider that the contract id names
    expires_at INTEGER,
    pin        BLOB                            -- a hash; bytes: NUL is a legal salt
) STRICT;
CREATE INDEX uploaded_medium ON uploaded (medium);
CREATE INDEX uploaded_contract ON uploaded (contract) WHERE contract IS NOT NULL;
CREATE INDEX uploaded_since ON uploaded (provider, since);
CREATE INDEX uploaded_until ON uploaded (provider, until) WHERE until IS NOT NULL;

-- Which version of a provider's records holds, and since which one there was no fullLoad.
CREATE TABLE upload_head (
    provider TEXT PRIMARY KEY,
    version  INTEGER NOT NULL,
    base     INTEGER NOT NULL,
    total    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Every push that was carried out; its bytes are not kept.
CREATE TABLE upload (
    provider TEXT NOT NULL,
    version  INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    process  BLOB NOT NULL,
    action   TEXT NOT NULL,
    records  INTEGER NOT NULL,                 -- in the push
    total    INTEGER NOT NULL,                 -- after it
    digest   BLOB NOT NULL,                    -- SHA-256 of its bytes
    PRIMARY KEY (provider, version)
) STRICT, WITHOUT ROWID;

-- Sessions that uploaded records authorised, and how they were started.
CREATE TABLE uploaded_session (
    session BLOB PRIMARY KEY,
    form    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What else may stop a session, as its provider named it.
CREATE TABLE stop_medium (
    session BLOB NOT NULL,
    medium  BLOB NOT NULL,
    PRIMARY KEY (session, medium)
) STRICT, WITHOUT ROWID;

-- Wrong PINs in a row, by keyed hash of the contract or the operator.
CREATE TABLE pin_guess (
    guessed BLOB PRIMARY KEY,
    wrong   INTEGER NOT NULL,
    last_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
