ALTER TABLE feeds ADD COLUMN host TEXT NOT NULL DEFAULT '';              -- registrable domain, or address
ALTER TABLE feeds ADD COLUMN asked_as INTEGER;                           -- digest the validators belong to
ALTER TABLE feeds ADD COLUMN moved_to TEXT;
ALTER TABLE feeds ADD COLUMN moved_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE feeds ADD COLUMN moved_since INTEGER;
ALTER TABLE feeds ADD COLUMN moved_adopted_at INTEGER;
ALTER TABLE feeds ADD COLUMN last_reached_at INTEGER;
ALTER TABLE feeds ADD COLUMN last_new_at INTEGER;
ALTER TABLE feeds ADD COLUMN wait_until INTEGER;
ALTER TABLE feeds ADD COLUMN fresh_for INTEGER;                          -- seconds
ALTER TABLE feeds ADD COLUMN ttl INTEGER;                                -- seconds
ALTER TABLE feeds ADD COLUMN skip_hours INTEGER NOT NULL DEFAULT 0;      -- bit 0: 00:00 to 01:00 UTC
ALTER TABLE feeds ADD COLUMN skip_days INTEGER NOT NULL DEFAULT 0;       -- bit 0: Monday
ALTER TABLE feeds ADD COLUMN refusal_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE feeds ADD COLUMN gone_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE feeds ADD COLUMN gone_since INTEGER;
ALTER TABLE feeds ADD COLUMN unreached_since INTEGER;
ALTER TABLE feeds ADD COLUMN ignored_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE feeds ADD COLUMN validators_at INTEGER;
ALTER TABLE feeds ADD COLUMN unconditional_at INTEGER;
ALTER TABLE feeds ADD COLUMN document_hash INTEGER;
ALTER TABLE feeds ADD COLUMN document_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE feeds ADD COLUMN last_answer TEXT NOT NULL DEFAULT 'document';
ALTER TABLE feeds ADD COLUMN rhythm BLOB;
ALTER TABLE feeds ADD COLUMN health TEXT NOT NULL DEFAULT 'ok';          -- ok, degraded, failing, silent, gone
ALTER TABLE feeds ADD COLUMN health_since INTEGER;
ALTER TABLE feeds ADD COLUMN health_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE feeds ADD COLUMN health_told TEXT NOT NULL DEFAULT 'ok';
CREATE INDEX feeds_by_reached ON feeds (last_reached_at);
CREATE INDEX feeds_by_host ON feeds (host);

-- What a host (registrable domain, or address) asked of us.
CREATE TABLE hosts (
    host TEXT NOT NULL PRIMARY KEY,
    paused_until INTEGER,
    reason TEXT NOT NULL DEFAULT '',
    refusal_count INTEGER NOT NULL DEFAULT 0,
    last_asked_at INTEGER,
    spacing INTEGER,                          -- microseconds between two requests that its allowance leaves
    spacing_until INTEGER
) STRICT, WITHOUT ROWID;

-- What was asked of hosts, by the hour, for a day: `feeds politeness` and the daily budget.
CREATE TABLE traffic (
    hour INTEGER NOT NULL,                    -- hours since 1970-01-01T00:00Z
    host TEXT NOT NULL,
    requests INTEGER NOT NULL,
    not_modified INTEGER NOT NULL,
    limited INTEGER NOT NULL,                 -- 429
    bytes INTEGER NOT NULL,
    gap_min INTEGER,                          -- smallest time between two starts, microseconds
    PRIMARY KEY (hour, host)
) STRICT, WITHOUT ROWID;

-- Bytes received a day (days since 1970-01-01 UTC), over all hosts.
CREATE TABLE days (
    day INTEGER NOT NULL PRIMARY KEY,
    bytes INTEGER NOT NULL
) STRICT;
