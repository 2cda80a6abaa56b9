-- Polls that a person asked for while the daemon runs; it takes them within two seconds.
CREATE TABLE poll_requests (
    feed_id INTEGER PRIMARY KEY REFERENCES feeds (id),
    asked_at INTEGER NOT NULL,
    forced INTEGER NOT NULL                   -- 1: also while the server or its host asked us to wait
) STRICT;
