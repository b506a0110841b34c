-- Replays: a selection, and how far the messages in order of arrival have been looked at.
CREATE TABLE replay (
    no         INTEGER PRIMARY KEY,
    ordered_at INTEGER NOT NULL,
    selection  TEXT NOT NULL,                  -- JSON
    cursor     INTEGER NOT NULL,               -- notifications up to this number have been looked at
    up_to      INTEGER NOT NULL,               -- the last one that had arrived when it was ordered
    filled_at  INTEGER,                        -- when the cursor reached it
    queued     INTEGER NOT NULL DEFAULT 0,
    erased     INTEGER NOT NULL DEFAULT 0,     -- skipped
    open       INTEGER NOT NULL DEFAULT 0,     -- left alone
    delivered  INTEGER NOT NULL DEFAULT 0,
    refused    INTEGER NOT NULL DEFAULT 0,
    given_up   INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX replay_unfilled ON replay (no) WHERE filled_at IS NULL;

-- Open deliveries of replays, apart from `delivery`: whose turn it is in a session is decided without them.
-- leased: lease_until set; otherwise due_at is.
CREATE TABLE replay_delivery (
    no           INTEGER PRIMARY KEY,          -- from the same numbers as deliveries
    replay       INTEGER NOT NULL,
    notification INTEGER NOT NULL,
    token        INTEGER NOT NULL,
    lease_until  INTEGER,
    due_at       INTEGER,
    provider     TEXT NOT NULL,
    gives_up_at  INTEGER NOT NULL,
    recorded     INTEGER NOT NULL DEFAULT 0,
    faulted      INTEGER NOT NULL DEFAULT 0,
    unusable     INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX replay_delivery_notification ON replay_delivery (notification);
CREATE INDEX replay_delivery_replay ON replay_delivery (replay);
CREATE INDEX replay_delivery_due ON replay_delivery (provider, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX replay_delivery_leased ON replay_delivery (lease_until) WHERE lease_until IS NOT NULL;

-- Which replay made a delivery, if one did.
ALTER TABLE delivery_history ADD COLUMN replay INTEGER;

-- Erased notifications: their bodies are zeros from then on, everything else stays.
CREATE TABLE erasure (
    notification INTEGER PRIMARY KEY,
    at           INTEGER NOT NULL
) STRICT;

-- Authorisation requests as received, a PIN overwritten. Apart from what is decided about them, so that rows are only
-- ever appended and overwritten in place: a row that is moved leaves a copy of itself that no erasure finds.
CREATE TABLE authorisation_request (
    no      INTEGER PRIMARY KEY,
    process BLOB NOT NULL,
    request BLOB NOT NULL
) STRICT;
ALTER TABLE authorisation ADD COLUMN request_no INTEGER;
ALTER TABLE authorisation ADD COLUMN erased_at INTEGER;
INSERT INTO authorisation_request (process, request) SELECT process, request FROM authorisation ORDER BY process;
UPDATE authorisation SET request = x'', request_no = r.no
    FROM authorisation_request r WHERE r.process = authorisation.process;
