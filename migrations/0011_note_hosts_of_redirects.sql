-- Host (registrable domain, or address) that gave the last answer, where it is not that of the configured address.
ALTER TABLE feeds ADD COLUMN answered_host TEXT;
CREATE INDEX feeds_answered ON feeds (answered_host) WHERE answered_host IS NOT NULL;
