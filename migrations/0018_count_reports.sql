-- How much is reported: what surges are measured by. Hours are counted since 1970-01-01T00Z. The topic '' stands for
-- everything that came in, the place ZZ for reports of any place or of none.
CREATE TABLE report_counts (
    topic TEXT NOT NULL,
    place TEXT NOT NULL,                      -- ISO 3166-1 alpha-2 code, or ZZ
    hour INTEGER NOT NULL,
    reports INTEGER NOT NULL,
    PRIMARY KEY (topic, place, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX report_counts_by_hour ON report_counts (hour);

-- The reports of the last days: a publisher's own account of a story. No foreign keys, as articles may be pruned.
CREATE TABLE reports (
    topic TEXT NOT NULL,
    story_id INTEGER NOT NULL,
    publisher TEXT NOT NULL,
    place TEXT NOT NULL,
    article_id INTEGER NOT NULL,              -- the one it was counted for
    score REAL NOT NULL,
    at INTEGER NOT NULL,                      -- when it was published, as far as that is believed, else seen
    PRIMARY KEY (topic, story_id, publisher)
) STRICT, WITHOUT ROWID;
CREATE INDEX reports_by_topic ON reports (topic, at);
CREATE INDEX reports_by_time ON reports (at);
CREATE INDEX reports_by_article ON reports (article_id);

-- What is known of each series, and what was decided last.
CREATE TABLE surge_series (
    topic TEXT NOT NULL,
    place TEXT NOT NULL,
    hour INTEGER NOT NULL,                    -- what is usual was learned for this hour
    rate REAL,                                -- reports of a mean day; nothing while the history is too short
    dispersion REAL,
    expected REAL,                            -- of the 24 hours that end with the hour
    days INTEGER,                             -- that it rests on
    is_raised INTEGER NOT NULL DEFAULT 0,     -- a surge was told and is not over
    told_at INTEGER,
    seen INTEGER NOT NULL DEFAULT 0,          -- reports of the 24 hours when it was looked at last
    decided_at INTEGER,
    decision TEXT NOT NULL DEFAULT '',        -- a word: surge, usual, few-publishers, …
    reason TEXT NOT NULL DEFAULT '',          -- the decision in a sentence
    PRIMARY KEY (topic, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX surge_series_raised ON surge_series (topic, place) WHERE is_raised = 1;

-- Which topics are counted, since which hour, and how far back the archive was read for them.
CREATE TABLE counted_topics (
    topic TEXT NOT NULL PRIMARY KEY,
    version TEXT NOT NULL,                    -- of what decides its scores
    since INTEGER NOT NULL,                   -- first hour that is counted
    next_article INTEGER                      -- the archive's next article to count, going back; none when it is read
) STRICT;

-- One row: the configuration whose topics are counted, when the archive was read last, the days and hours of all series.
CREATE TABLE counting (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    configuration INTEGER NOT NULL DEFAULT 0,
    read_at INTEGER NOT NULL DEFAULT 0,
    profile_hour INTEGER NOT NULL DEFAULT 0,
    profile TEXT NOT NULL DEFAULT '[]'        -- JSON list of factors: seven days, 24 hours
) STRICT;
INSERT INTO counting (id) VALUES (1);
