-- When a delivery came into the outbox, or was put there again by hand; before this migration, when its alert was decided.
ALTER TABLE deliveries ADD COLUMN queued_at INTEGER;
UPDATE deliveries SET queued_at = (SELECT at FROM alerts WHERE alerts.id = deliveries.alert_id);
CREATE INDEX deliveries_sending ON deliveries (address) WHERE status = 'sending';
CREATE INDEX deliveries_waiting ON deliveries (queued_at) WHERE status IN ('queued', 'sending');

-- Times in which what a channel was to deliver waited for long, as the operator is told.
CREATE TABLE backlogs (
    channel TEXT NOT NULL,                    -- mail, or outlet:NAME
    since INTEGER NOT NULL,                   -- when the longest waiting delivery was queued
    until INTEGER,                            -- when nothing waited for long any more; none while it lasts
    alert_id INTEGER REFERENCES alerts (id),  -- the alert that told while it lasted
    PRIMARY KEY (channel, since)
) STRICT, WITHOUT ROWID;
CREATE INDEX backlogs_open ON backlogs (channel) WHERE until IS NULL;

-- Heartbeats, by the time they were due. The first one is where counting begins, and nobody was told of it.
CREATE TABLE heartbeats (
    due_at INTEGER PRIMARY KEY,
    alert_id INTEGER REFERENCES alerts (id)
) STRICT;

-- What signs the links in mails. Whoever has it can forge them.
CREATE TABLE follow_up_keys (
    key BLOB NOT NULL
) STRICT;

-- Addresses that want no more mail about a topic. Undone ones stay, with the time.
CREATE TABLE unsubscriptions (
    address TEXT NOT NULL COLLATE NOCASE,
    topic TEXT NOT NULL,
    at INTEGER NOT NULL,
    alert_id INTEGER REFERENCES alerts (id),  -- the alert whose mail had the link
    restored_at INTEGER,
    PRIMARY KEY (address, topic, at)
) STRICT, WITHOUT ROWID;
CREATE INDEX unsubscriptions_in_force ON unsubscriptions (address, topic) WHERE restored_at IS NULL;
