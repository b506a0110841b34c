-- Charge detail records: one for each session that is closed. Their bytes are notifications'; here is what they are found by.
CREATE TABLE charge_detail_record (
    no           INTEGER PRIMARY KEY,          -- of the notification
    session      BLOB NOT NULL,
    operator     TEXT NOT NULL,
    provider     TEXT NOT NULL,
    received_at  INTEGER NOT NULL,             -- grows with the number, all providers together
    medium       BLOB,                         -- keyed hash of the card or contract it names, if not the session's
    forwarded_at INTEGER,                      -- when the provider's endpoint had said yes
    compared_at  INTEGER                       -- with the session's End
) STRICT;
CREATE UNIQUE INDEX charge_detail_record_session ON charge_detail_record (session);
CREATE INDEX charge_detail_record_window ON charge_detail_record (provider, received_at);
CREATE INDEX charge_detail_record_uncompared ON charge_detail_record (no) WHERE compared_at IS NULL;
CREATE INDEX charge_detail_record_medium ON charge_detail_record (medium) WHERE medium IS NOT NULL;

-- Where a record and the End of its session differ.
CREATE TABLE difference (
    no      INTEGER NOT NULL,                  -- of the record
    code    TEXT NOT NULL,
    session BLOB NOT NULL,
    at      INTEGER NOT NULL,
    finding TEXT NOT NULL,                     -- JSON
    PRIMARY KEY (no, code)
) STRICT, WITHOUT ROWID;

-- Records are drained behind notifications, first attempts before retries there too.
DROP INDEX delivery_due;
ALTER TABLE delivery DROP COLUMN rank;
ALTER TABLE delivery ADD COLUMN rank INTEGER NOT NULL GENERATED ALWAYS AS
    (CASE WHEN type IN ('End', 'Error') THEN 0 WHEN type = 'ChargeDetailRecord' THEN 4 ELSE 2 END + (recorded > 0)) VIRTUAL;
CREATE INDEX delivery_due ON delivery (provider, rank, due_at, no) WHERE due_at IS NOT NULL;
