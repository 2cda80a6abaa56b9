-- When the text of an article's page was taken for its body; absent while the body is the feed's.
ALTER TABLE articles ADD COLUMN page_read_at INTEGER;

-- Pages of articles that are read, or were not and why.
CREATE TABLE page_requests (
    article_id INTEGER NOT NULL PRIMARY KEY REFERENCES articles (id) ON DELETE CASCADE,
    feed_id INTEGER NOT NULL REFERENCES feeds (id),
    url TEXT NOT NULL,                        -- where it is asked for; follows redirects from host to host
    host TEXT NOT NULL,                       -- registrable domain, or address
    status TEXT NOT NULL,                     -- waiting, read, ignored, dropped
    reason TEXT NOT NULL DEFAULT '',          -- the status in a sentence
    asked_at INTEGER NOT NULL,                -- when the article was settled that wants it
    due_at INTEGER NOT NULL,
    attempt_count INTEGER NOT NULL DEFAULT 0,
    hop_count INTEGER NOT NULL DEFAULT 0      -- redirects from host to host
) STRICT;
CREATE INDEX page_requests_waiting ON page_requests (host) WHERE status = 'waiting';
CREATE INDEX page_requests_by_time ON page_requests (asked_at);

-- robots.txt of origins (scheme, host and port), as far as it speaks of us.
CREATE TABLE robots (
    origin TEXT NOT NULL PRIMARY KEY,
    believed_until INTEGER NOT NULL,
    is_reached INTEGER NOT NULL,              -- 0: it cannot be had, so nothing may be read
    rules TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX robots_by_time ON robots (believed_until);
