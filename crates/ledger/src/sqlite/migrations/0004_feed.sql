-- The providers' feeds. Positions are given behind the writer, after the message is committed, from 1 on.

CREATE TABLE feed (
    provider     TEXT NOT NULL,
    position     INTEGER NOT NULL,
    notification INTEGER NOT NULL,
    PRIMARY KEY (provider, position)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX feed_notification ON feed (notification);

-- Where each feed ends, and up to where its provider has confirmed that it has it.
CREATE TABLE feed_ends (
    provider     TEXT PRIMARY KEY,
    last         INTEGER NOT NULL,
    confirmed    INTEGER NOT NULL DEFAULT 0,
    confirmed_at INTEGER
) STRICT, WITHOUT ROWID;

-- The one row: all notifications up to this number have been looked at. It may lag; looking twice changes nothing.
CREATE TABLE feed_mark (
    no INTEGER NOT NULL
) STRICT;

-- What was stored before begins the feeds only where it is still held.
INSERT INTO feed_mark (no) SELECT coalesce(max(no), 0) FROM notification;
INSERT INTO feed (provider, position, notification)
SELECT provider, row_number() OVER (PARTITION BY provider ORDER BY no), no
FROM notification
WHERE no NOT IN (SELECT notification FROM delivery)
  AND 'held' = (SELECT state FROM delivery_history WHERE notification = no ORDER BY delivery DESC LIMIT 1);
INSERT INTO feed_ends (provider, last) SELECT provider, max(position) FROM feed GROUP BY provider;
