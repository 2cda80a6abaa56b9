-- An incident's severity (its topic's, or what a rule raised it to), what people were told, and whether something waits.
ALTER TABLE incidents ADD COLUMN severity TEXT NOT NULL DEFAULT 'info';        -- info, warning, critical
ALTER TABLE incidents ADD COLUMN told_publishers INTEGER NOT NULL DEFAULT 0;   -- independent publishers at the last alert
ALTER TABLE incidents ADD COLUMN has_news INTEGER NOT NULL DEFAULT 0;          -- something waits for the next update
UPDATE incidents SET
    severity = coalesce((SELECT severity FROM alerts a WHERE a.incident_id = incidents.id ORDER BY a.id DESC LIMIT 1), 'info'),
    told_publishers = coalesce((SELECT publishers FROM alerts a WHERE a.incident_id = incidents.id ORDER BY a.id DESC LIMIT 1), 0);
UPDATE incidents SET has_news = EXISTS (
    SELECT 1 FROM incident_articles a WHERE a.incident_id = incidents.id AND a.alert_id IS NULL
) WHERE status = 'open';

-- An article that people were told of and that was taken back since: told back, or only noted, as others stand by it.
ALTER TABLE incident_articles ADD COLUMN corrected_at INTEGER;
ALTER TABLE incident_articles ADD COLUMN doubted_at INTEGER;
CREATE INDEX incident_articles_by_story ON incident_articles (story_id);

-- Why an incident went from one state to another, or what else happened to it (both states are the same then).
CREATE TABLE incident_transitions (
    id INTEGER PRIMARY KEY,
    incident_id INTEGER NOT NULL REFERENCES incidents (id),
    at INTEGER NOT NULL,
    from_status TEXT,                         -- none when it began
    to_status TEXT NOT NULL,                  -- forming, open, closed
    reason TEXT NOT NULL
) STRICT;
CREATE INDEX incident_transitions_by_incident ON incident_transitions (incident_id, id);

-- Rules between topics that were used up for an incident.
CREATE TABLE incident_cues (
    incident_id INTEGER NOT NULL REFERENCES incidents (id),
    rule TEXT NOT NULL,                       -- sequence, together
    other INTEGER NOT NULL,                   -- the other topic's alert (sequence) or incident (together)
    at INTEGER NOT NULL,
    PRIMARY KEY (incident_id, rule, other)
) STRICT, WITHOUT ROWID;

-- The last alert of a topic at a place.
CREATE INDEX alerts_by_topic ON alerts (topic, place, at) WHERE topic IS NOT NULL;

-- What an alert reports, best first. An article may stand in several: told, and later taken back.
CREATE TABLE alert_articles (
    alert_id INTEGER NOT NULL REFERENCES alerts (id),
    position INTEGER NOT NULL,
    article_id INTEGER NOT NULL,
    PRIMARY KEY (alert_id, position)
) STRICT, WITHOUT ROWID;
INSERT INTO alert_articles (alert_id, position, article_id)
SELECT alert_id, row_number() OVER (PARTITION BY alert_id ORDER BY is_copy, score DESC, article_id), article_id
FROM incident_articles WHERE alert_id IS NOT NULL;
CREATE INDEX alert_articles_by_article ON alert_articles (article_id);
