-- Lanes a person has paused, and, once resumed, that they were.
CREATE TABLE pause (
    no         INTEGER PRIMARY KEY,
    provider   TEXT NOT NULL,
    at         INTEGER NOT NULL,
    by         TEXT NOT NULL,
    why        TEXT NOT NULL,
    resumed_at INTEGER,
    resumed_by TEXT
) STRICT;
CREATE UNIQUE INDEX pause_now ON pause (provider) WHERE resumed_at IS NULL;
