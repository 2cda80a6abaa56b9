-- Times are microseconds since 1970-01-01T00:00:00Z. Hashes are xxh3, 64 bits, stored as signed integers.

CREATE TABLE instance (
    id TEXT NOT NULL PRIMARY KEY              -- random, tells this database apart in Message-IDs
) STRICT;

CREATE TABLE feeds (
    id INTEGER PRIMARY KEY,
    url TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    etag BLOB,
    last_modified BLOB,
    first_success_at INTEGER,
    last_polled_at INTEGER,
    last_success_at INTEGER,
    next_due_at INTEGER,
    next_due_reason TEXT NOT NULL DEFAULT '',
    failure_count INTEGER NOT NULL DEFAULT 0,
    last_outcome TEXT NOT NULL DEFAULT '',
    last_document_problems TEXT NOT NULL DEFAULT '[]'   -- JSON list of sentences
) STRICT;

CREATE TABLE stories (
    id INTEGER PRIMARY KEY,
    title TEXT NOT NULL,
    first_seen_at INTEGER NOT NULL
) STRICT;

CREATE TABLE articles (
    id INTEGER PRIMARY KEY,
    feed_id INTEGER NOT NULL REFERENCES feeds (id),
    entry_id TEXT,                            -- the publisher's id, as given
    entry_url TEXT,                           -- the publisher's link, as given
    url TEXT,                                 -- canonical
    title TEXT NOT NULL,
    summary TEXT NOT NULL,
    body TEXT NOT NULL,
    language TEXT NOT NULL,
    publisher TEXT NOT NULL,
    tier INTEGER NOT NULL,
    tags TEXT NOT NULL,                       -- JSON list
    places TEXT NOT NULL,                     -- JSON list of ISO 3166-1 alpha-2 codes
    published_at INTEGER,
    published_raw TEXT,                       -- the date as the publisher wrote it
    seen_at INTEGER NOT NULL,
    fingerprint INTEGER NOT NULL,
    story_id INTEGER NOT NULL REFERENCES stories (id),
    copy_of INTEGER REFERENCES articles (id),
    revision_count INTEGER NOT NULL DEFAULT 0,
    revised_at INTEGER
) STRICT;
CREATE INDEX articles_by_fingerprint ON articles (fingerprint, seen_at);
CREATE INDEX articles_by_seen ON articles (seen_at);
CREATE INDEX articles_by_feed ON articles (feed_id, seen_at);

-- Which words an article holds, folded by us. It narrows a search; the query language's own evaluator then decides.
CREATE VIRTUAL TABLE articles_words USING fts5 (
    words, content = '', contentless_delete = 1, detail = none, tokenize = 'unicode61 remove_diacritics 0'
);

-- What an entry is recognised by. Outlives articles (no foreign key), so that a pruned entry stays known.
CREATE TABLE sightings (
    feed_id INTEGER NOT NULL,
    article_id INTEGER NOT NULL,
    id_hash INTEGER,
    url_hash INTEGER,
    title_hash INTEGER NOT NULL,
    words_hash INTEGER NOT NULL,
    id_is_url INTEGER NOT NULL,
    published_at INTEGER,
    seen_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sightings_by_id ON sightings (id_hash, feed_id, seen_at) WHERE id_hash IS NOT NULL;
CREATE INDEX sightings_by_url ON sightings (url_hash, seen_at) WHERE url_hash IS NOT NULL;
CREATE INDEX sightings_by_article ON sightings (article_id);
CREATE INDEX sightings_by_words ON sightings (words_hash, feed_id, seen_at);

CREATE TABLE scores (
    article_id INTEGER NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
    topic TEXT NOT NULL,
    score REAL NOT NULL,                      -- 0 to 1
    trips INTEGER NOT NULL,
    evidence TEXT NOT NULL,                   -- JSON list of {signal, field, quote, status, points}
    decision TEXT NOT NULL DEFAULT '',        -- a word: alerted, baseline, too-old, …; empty when it did not trip
    reason TEXT NOT NULL DEFAULT '',          -- the decision in a sentence
    PRIMARY KEY (article_id, topic)
) STRICT, WITHOUT ROWID;

CREATE TABLE incidents (
    id INTEGER PRIMARY KEY,
    topic TEXT NOT NULL,
    place TEXT NOT NULL,
    status TEXT NOT NULL,                     -- forming, open, closed
    began_at INTEGER NOT NULL,
    last_tripped_at INTEGER NOT NULL,
    last_alert_at INTEGER,
    closed_at INTEGER
) STRICT;
CREATE UNIQUE INDEX incidents_alive ON incidents (topic, place) WHERE status <> 'closed';

CREATE TABLE alerts (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,                       -- first, update
    reason TEXT NOT NULL,
    topic TEXT NOT NULL,
    severity TEXT NOT NULL,                   -- info, warning, critical
    place TEXT NOT NULL,
    incident_id INTEGER NOT NULL REFERENCES incidents (id),
    story_id INTEGER NOT NULL,
    publishers INTEGER NOT NULL,
    score REAL NOT NULL,
    subject TEXT NOT NULL,
    text TEXT NOT NULL,
    html TEXT NOT NULL,
    headers TEXT NOT NULL,                    -- JSON list of [name, value]
    configuration TEXT NOT NULL               -- hash of the configuration that decided, and the version
) STRICT;
CREATE INDEX alerts_by_incident ON alerts (incident_id);
CREATE INDEX alerts_by_time ON alerts (at);

CREATE TABLE incident_articles (
    incident_id INTEGER NOT NULL REFERENCES incidents (id),
    article_id INTEGER NOT NULL,
    story_id INTEGER NOT NULL,
    publisher TEXT NOT NULL,
    is_copy INTEGER NOT NULL,
    score REAL NOT NULL,
    tripped_at INTEGER NOT NULL,
    alert_id INTEGER REFERENCES alerts (id),  -- the alert that told of it, or of its story
    PRIMARY KEY (incident_id, article_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX incident_articles_untold ON incident_articles (incident_id) WHERE alert_id IS NULL;
CREATE INDEX incident_articles_by_time ON incident_articles (incident_id, tripped_at);
CREATE INDEX incident_articles_by_article ON incident_articles (article_id);
CREATE INDEX incident_articles_by_alert ON incident_articles (alert_id) WHERE alert_id IS NOT NULL;

CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY,
    alert_id INTEGER NOT NULL REFERENCES alerts (id),
    address TEXT NOT NULL,
    status TEXT NOT NULL,                     -- queued, sending, sent, failed
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at INTEGER NOT NULL,
    reply TEXT NOT NULL DEFAULT '',           -- what the server said last
    finished_at INTEGER,
    UNIQUE (alert_id, address)
) STRICT;
CREATE INDEX deliveries_due ON deliveries (next_attempt_at) WHERE status = 'queued';
CREATE INDEX deliveries_unsent ON deliveries (alert_id) WHERE status IN ('queued', 'sending');
CREATE INDEX deliveries_sent ON deliveries (finished_at) WHERE status = 'sent';
CREATE INDEX deliveries_failed ON deliveries (finished_at) WHERE status = 'failed';
