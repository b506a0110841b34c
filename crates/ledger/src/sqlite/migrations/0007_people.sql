-- Troubles that people were told of and not yet cleared of.
CREATE TABLE told (
    kind      TEXT NOT NULL,
    about     TEXT NOT NULL,            -- "provider DE-DCB"
    since     INTEGER NOT NULL,
    reminders INTEGER NOT NULL,
    remind_at INTEGER NOT NULL,
    gone_at   INTEGER,
    PRIMARY KEY (kind, about)
) STRICT, WITHOUT ROWID;

-- Messages to people that are still to be sent; bounded, the oldest go.
CREATE TABLE message (
    no        INTEGER PRIMARY KEY AUTOINCREMENT,
    channel   TEXT NOT NULL,            -- webhook, mail
    recipient TEXT NOT NULL,            -- "hub", "provider DE-DCB"
    subject   TEXT NOT NULL,
    body      TEXT NOT NULL,
    tries     INTEGER NOT NULL DEFAULT 0,
    due_at    INTEGER NOT NULL
) STRICT;
