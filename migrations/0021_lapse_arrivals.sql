-- An article that waited for further publishers until it was too old to be confirmed by them.
ALTER TABLE incident_articles ADD COLUMN lapsed_at INTEGER;
CREATE INDEX incident_articles_waiting ON incident_articles (incident_id, tripped_at) WHERE alert_id IS NULL AND lapsed_at IS NULL;
DROP INDEX incident_articles_untold;

-- How often an article that was taken back was reported again.
ALTER TABLE incident_articles ADD COLUMN restated_count INTEGER NOT NULL DEFAULT 0;
