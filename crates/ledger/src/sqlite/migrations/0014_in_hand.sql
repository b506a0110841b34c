-- The number of the delivery that a message was stored with, in the hand of the request that brought it; null where there
-- was none. Such a delivery has a row of its own only once it did not end in that hand.
ALTER TABLE notification ADD COLUMN delivery INTEGER;

-- The one row: every message up to this number has an end or a row in `delivery`. It may lag.
CREATE TABLE in_hand (
    after INTEGER NOT NULL
) STRICT;
INSERT INTO in_hand (after) SELECT coalesce(max(no), 0) FROM notification;
