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

-- In which order a backlog is drained: End and Error before Start and Progress, first attempts before retries.
ALTER TABLE delivery ADD COLUMN rank INTEGER NOT NULL GENERATED ALWAYS AS
    (CASE WHEN type IN ('End', 'Error') THEN 0 ELSE 2 END + (recorded > 0)) VIRTUAL;
DROP INDEX delivery_due;
CREATE INDEX delivery_due ON delivery (provider, rank, due_at, no) WHERE due_at IS NOT NULL;

-- Ends that wait, by the keyed hash of their session's medium. Filled in behind the writer, never for a delivery that is
-- leased to the request that brought it.
ALTER TABLE delivery ADD COLUMN medium BLOB;
CREATE INDEX delivery_medium ON delivery (medium) WHERE medium IS NOT NULL;
CREATE INDEX delivery_unfiled ON delivery (no) WHERE type = 'End' AND lease_until IS NULL AND medium IS NULL;
