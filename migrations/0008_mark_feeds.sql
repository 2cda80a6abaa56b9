-- Whether a feed is in force: rows outlive their place in the configuration.
ALTER TABLE feeds ADD COLUMN is_watched INTEGER NOT NULL DEFAULT 1;

-- Whether an answer of it shows that this machine reaches the world: no private host, no proxy of its own.
ALTER TABLE feeds ADD COLUMN is_outside INTEGER NOT NULL DEFAULT 1;

CREATE INDEX feeds_moved ON feeds (moved_adopted_at) WHERE moved_adopted_at IS NOT NULL;
