-- An alert need not tell of an incident any more: of a feed, of this machine, of a day. Its table is built anew, as
-- SQLite cannot take NOT NULL off a column. Foreign keys are off meanwhile and checked before the commit.
CREATE TABLE alerts_wider (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,                       -- first, update: of an incident; operator: how wirewatch itself is
    reason TEXT NOT NULL,
    topic TEXT,
    severity TEXT NOT NULL,                   -- info, warning, critical
    place TEXT,
    incident_id INTEGER REFERENCES incidents (id),
    story_id INTEGER,
    publishers INTEGER,
    score REAL,
    subject TEXT NOT NULL,
    text TEXT NOT NULL,
    html TEXT NOT NULL,
    headers TEXT NOT NULL,                    -- JSON list of [name, value]
    configuration TEXT NOT NULL,              -- hash of the configuration that decided, and the version
    CHECK (kind NOT IN ('first', 'update') OR (topic IS NOT NULL AND incident_id IS NOT NULL))
) STRICT;
INSERT INTO alerts_wider (id, at, kind, reason, topic, severity, place, incident_id, story_id, publishers, score,
    subject, text, html, headers, configuration)
SELECT id, at, kind, reason, topic, severity, place, incident_id, story_id, publishers, score,
    subject, text, html, headers, configuration FROM alerts;
DROP TABLE alerts;
ALTER TABLE alerts_wider RENAME TO alerts;
CREATE INDEX alerts_by_incident ON alerts (incident_id) WHERE incident_id IS NOT NULL;
CREATE INDEX alerts_by_time ON alerts (at);
CREATE INDEX alerts_by_kind ON alerts (kind, at) WHERE kind NOT IN ('first', 'update');

ALTER TABLE feeds ADD COLUMN health_flaw TEXT NOT NULL DEFAULT '';       -- what its last document lacked, in words
ALTER TABLE feeds ADD COLUMN health_told_at INTEGER;
ALTER TABLE feeds ADD COLUMN health_look_at INTEGER;                     -- when time alone changes what is to be done
CREATE INDEX feeds_by_look ON feeds (health_look_at) WHERE health_look_at IS NOT NULL;
CREATE INDEX feeds_untold ON feeds (id) WHERE health <> health_told;
CREATE INDEX feeds_by_unreached ON feeds (unreached_since) WHERE unreached_since IS NOT NULL;

-- Times in which nobody was reached at all.
CREATE TABLE outages (
    since INTEGER PRIMARY KEY,                -- start of the first poll that nobody answered
    until INTEGER,                            -- start of the first that somebody did; none while it lasts
    alert_id INTEGER REFERENCES alerts (id)   -- the alert that told while it lasted
) STRICT;
