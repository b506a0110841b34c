-- Sessions that a provider opened from afar, and reservations. Such a session may be in state unconfirmed: its operator was
-- asked and nobody knows what came of it. Its provider is known from the beginning.
ALTER TABLE session ADD COLUMN kind TEXT NOT NULL DEFAULT 'charging';   -- charging, reservation
ALTER TABLE session ADD COLUMN opened_by TEXT NOT NULL DEFAULT 'card';  -- card, uploaded, remote

-- How much longer than usual the answer may take, in microseconds.
ALTER TABLE opening ADD COLUMN patience INTEGER NOT NULL DEFAULT 0;
