-- Polls that a person asked for while the daemon runs; it takes them within two seconds.
CREATE TABLE poll_requests (
    feed_id INTEGER PRIMARY KEY REFERENCES feeds (id),
    asked_at INTEGER NOT NULL,
    forced INTEGER NOT NULL                   -- 1: also while the server or its host asked us to wait
) STRICT;

-- Documents that were fetched to add a feed while the daemon runs: they are that feed's first poll.
CREATE TABLE first_documents (
    url TEXT NOT NULL PRIMARY KEY,            -- as in feeds
    asked_at INTEGER NOT NULL,
    source TEXT NOT NULL,                     -- where it came from after redirects
    content_type TEXT,
    etag BLOB,
    last_modified BLOB,
    fresh_for INTEGER,                        -- seconds
    wire_bytes INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
