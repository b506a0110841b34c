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

-- When a body was overwritten by nothing. It is empty from then on; everything else stays.
ALTER TABLE notification ADD COLUMN erased_at INTEGER;
ALTER TABLE authorisation ADD COLUMN erased_at INTEGER;
