-- What was decided and done, in order. Rows are only ever added; each is sealed with the seal of the one before it, so that
-- a row that was changed or taken out shows (`wirewatch db check`).
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,     -- without holes
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,                       -- told, routed, withheld, delivery, configuration, follow-up, judged, pruned
    alert_id INTEGER,                         -- no foreign keys: the record outlives what it tells of
    article_id INTEGER,
    topic TEXT,
    about TEXT NOT NULL,                      -- JSON object, by kind
    seal BLOB NOT NULL                        -- SHA-256 of the seal before and this row
) STRICT;
CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_by_alert ON audit (alert_id) WHERE alert_id IS NOT NULL;
CREATE INDEX audit_configurations ON audit (id) WHERE kind = 'configuration';
CREATE INDEX audit_prunes ON audit (id) WHERE kind = 'pruned';

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only ever added to');
END;

-- INSERT OR REPLACE would take a row out without asking the trigger below.
CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only ever added to');
END;

-- Old rows go only after a row was added that says so, with the seal of the last of them.
CREATE TRIGGER audit_is_not_cut BEFORE DELETE ON audit
WHEN NOT EXISTS (SELECT 1 FROM audit WHERE kind = 'pruned' AND about ->> '$.through' >= OLD.id)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only ever added to');
END;
