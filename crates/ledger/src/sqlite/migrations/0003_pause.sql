-- Lanes that a person paused; what is resumed stays as a record of who did what.
CREATE TABLE lane_pause (
    no         INTEGER PRIMARY KEY,
    provider   TEXT NOT NULL,
    paused_at  INTEGER NOT NULL,
    paused_by  TEXT NOT NULL,
    why        TEXT NOT NULL,
    resumed_at INTEGER,                        -- null while it is paused
    resumed_by TEXT
) STRICT;
CREATE UNIQUE INDEX lane_pause_now ON lane_pause (provider) WHERE resumed_at IS NULL;
