-- What a feed's last documents held, and how far its keys can be trusted.
CREATE TABLE documents (
    feed_id INTEGER NOT NULL PRIMARY KEY,
    current BLOB NOT NULL,                    -- articles of the last whole document in its order, 8 bytes each, big endian
    earlier BLOB NOT NULL,                    -- articles of those before it, the same way
    at INTEGER,
    has_parts INTEGER NOT NULL,
    newest_at INTEGER,
    entry_order INTEGER NOT NULL,             -- above 0: newest first; below 0: oldest first
    is_cut INTEGER NOT NULL,
    is_over INTEGER NOT NULL,
    id_doubt INTEGER NOT NULL,                -- 0 to 100
    url_doubt INTEGER NOT NULL
) STRICT;

-- Times in which entries of a feed may have come and gone unseen.
CREATE TABLE gaps (
    id INTEGER PRIMARY KEY,
    feed_id INTEGER NOT NULL,
    from_at INTEGER,                          -- absent: everything before to_at
    to_at INTEGER NOT NULL,
    noticed_at INTEGER NOT NULL,
    cause TEXT NOT NULL,                      -- window, cut, excess
    estimate INTEGER,                         -- entries a feed of this pace has in that time
    state TEXT NOT NULL,                      -- open, filled, unfillable
    note TEXT NOT NULL DEFAULT '',            -- how it ended, in words
    page_count INTEGER NOT NULL DEFAULT 0,    -- older pages read for it
    next_page TEXT,                           -- the one to read next
    next_is_archive INTEGER NOT NULL DEFAULT 0,
    next_page_at INTEGER,
    failure_count INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX gaps_by_feed ON gaps (feed_id, noticed_at);
CREATE INDEX gaps_by_time ON gaps (noticed_at);
CREATE INDEX gaps_with_pages ON gaps (next_page_at) WHERE next_page IS NOT NULL;

-- Older pages that were read for gaps. Archives never change (RFC 5005 section 4) and are not read again.
CREATE TABLE older_pages (
    feed_id INTEGER NOT NULL,
    page_hash INTEGER NOT NULL,               -- of its address
    read_at INTEGER NOT NULL,
    PRIMARY KEY (feed_id, page_hash)
) STRICT, WITHOUT ROWID;

ALTER TABLE feeds ADD COLUMN gap_at INTEGER;

-- When an entry left its feed's documents; absent while it stands in them. Only what left is ever forgotten.
ALTER TABLE sightings ADD COLUMN left_at INTEGER;
UPDATE sightings SET left_at = seen_at;
CREATE INDEX sightings_by_title ON sightings (title_hash, feed_id, seen_at);
CREATE INDEX sightings_by_left ON sightings (left_at) WHERE left_at IS NOT NULL;

ALTER TABLE articles ADD COLUMN date_quality TEXT NOT NULL DEFAULT 'given'; -- given, missing, unreadable, future
