-- Feeds that a hub delivers (WebSub). A row whose hub is to stop stays until the hub has confirmed it.
CREATE TABLE subscriptions (
    id INTEGER PRIMARY KEY,
    feed_id INTEGER NOT NULL REFERENCES feeds (id),
    hub TEXT NOT NULL,
    topic TEXT NOT NULL,                      -- the feed's own name for itself
    callback TEXT NOT NULL UNIQUE,            -- last part of the path where the hub calls, random
    secret TEXT NOT NULL,                     -- deliveries are signed with it
    base TEXT NOT NULL,                       -- web.public_url the hub was told
    phase TEXT NOT NULL,                      -- wanted, active, denied, leaving
    awaiting TEXT,                            -- subscribe, unsubscribe: asked for and not verified yet
    lease_until INTEGER,
    next_at INTEGER NOT NULL,                 -- when the hub is asked next
    attempt_count INTEGER NOT NULL DEFAULT 0,
    active_since INTEGER,
    delivered_at INTEGER,
    delivery_count INTEGER NOT NULL DEFAULT 0,
    refused_count INTEGER NOT NULL DEFAULT 0,
    proved_count INTEGER NOT NULL DEFAULT 0,  -- polls in a row that found everything delivered
    missed_at INTEGER,                        -- a poll found what the hub should have delivered
    note TEXT NOT NULL DEFAULT ''
) STRICT;
-- A feed has one subscription, and any number that are being ended.
CREATE UNIQUE INDEX subscriptions_by_feed ON subscriptions (feed_id) WHERE phase <> 'leaving';
CREATE INDEX subscriptions_by_time ON subscriptions (next_at);
