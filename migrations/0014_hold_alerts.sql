-- Who mutes what. A silence ends by itself; what it held is told then.
CREATE TABLE silences (
    id INTEGER PRIMARY KEY,
    topic TEXT,                               -- glob; absent: any
    place TEXT,                               -- absent: any
    severity_max TEXT,                        -- info, warning, critical: the highest that is silenced; absent: any
    publisher TEXT,                           -- glob that all publishers of an alert match; absent: any
    address TEXT,                             -- the only one that is not told; absent: nobody is
    author TEXT NOT NULL,
    comment TEXT NOT NULL CHECK (comment <> ''),
    made_at INTEGER NOT NULL,
    until INTEGER NOT NULL CHECK (until > made_at),
    ended_at INTEGER,                         -- when somebody ended it before its time
    ended_by TEXT
) STRICT;
CREATE INDEX silences_by_end ON silences (until) WHERE ended_at IS NULL;

-- Who has an incident in hands.
CREATE TABLE acknowledgements (
    id INTEGER PRIMARY KEY,
    incident_id INTEGER NOT NULL REFERENCES incidents (id),
    alert_id INTEGER NOT NULL REFERENCES alerts (id),   -- the alert somebody held in hand
    author TEXT NOT NULL,
    comment TEXT NOT NULL,
    at INTEGER NOT NULL,
    severity TEXT NOT NULL                    -- the highest the incident had been told with
) STRICT;
CREATE INDEX acknowledgements_by_incident ON acknowledgements (incident_id, at);

-- What was decided about an alert at an address, and why; a row for each decision, the latest stands. Never changed.
CREATE TABLE route_decisions (
    id INTEGER PRIMARY KEY,
    alert_id INTEGER NOT NULL REFERENCES alerts (id),
    address TEXT NOT NULL COLLATE NOCASE,     -- empty when no route takes the alert
    at INTEGER NOT NULL,
    decision TEXT NOT NULL,                   -- told, held-digest, held-quiet-hours, held-cap, silenced, told-late, waits-for-acknowledgement,
                                              -- reminded, acknowledged, nothing-to-clear, no-route
    reason TEXT NOT NULL,                     -- in a sentence
    until INTEGER,                            -- when it is told, or decided anew
    silence_id INTEGER REFERENCES silences (id),
    told_in INTEGER REFERENCES alerts (id),   -- the digest that told it
    note TEXT NOT NULL DEFAULT ''             -- what the mail to this address says above everything else
) STRICT;
CREATE INDEX route_decisions_by_alert ON route_decisions (alert_id, address);
CREATE INDEX route_decisions_told ON route_decisions (address, at) WHERE decision IN ('told', 'told-late', 'reminded');
CREATE INDEX route_decisions_by_digest ON route_decisions (told_in) WHERE told_in IS NOT NULL;
CREATE INDEX route_decisions_by_silence ON route_decisions (silence_id) WHERE silence_id IS NOT NULL;

-- What waits to be told. A row goes when it is.
CREATE TABLE holds (
    alert_id INTEGER NOT NULL REFERENCES alerts (id),
    address TEXT NOT NULL COLLATE NOCASE,
    hold TEXT NOT NULL,                       -- held-digest, held-quiet-hours, held-cap, silenced
    held_at INTEGER NOT NULL,
    until INTEGER NOT NULL,
    silence_id INTEGER REFERENCES silences (id),
    PRIMARY KEY (alert_id, address)
) STRICT, WITHOUT ROWID;
CREATE INDEX holds_by_end ON holds (until);
CREATE INDEX holds_by_address ON holds (address);
CREATE INDEX holds_by_silence ON holds (silence_id) WHERE silence_id IS NOT NULL;

-- Who is told when nobody acknowledges. A row goes when they are, or when somebody does.
CREATE TABLE reminders (
    alert_id INTEGER NOT NULL REFERENCES alerts (id),
    address TEXT NOT NULL COLLATE NOCASE,
    made_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    after_seconds INTEGER NOT NULL,           -- how long after the first address was told
    PRIMARY KEY (alert_id, address)
) STRICT, WITHOUT ROWID;
CREATE INDEX reminders_by_time ON reminders (due_at);
