-- 1 while the operator is to be told that this delivery was refused for good; never for what tells the operator.
ALTER TABLE deliveries ADD COLUMN refusal_is_untold INTEGER NOT NULL DEFAULT 0;
CREATE INDEX deliveries_untold ON deliveries (finished_at) WHERE refusal_is_untold = 1;
-- Since when its attempts end because the way itself is closed; none where the last one was answered.
ALTER TABLE deliveries ADD COLUMN blocked_since INTEGER;
CREATE INDEX deliveries_blocked ON deliveries (blocked_since) WHERE status = 'queued' AND blocked_since IS NOT NULL;

-- When the operator was told of refusals.
CREATE TABLE refusal_notices (
    at INTEGER PRIMARY KEY,
    alert_id INTEGER REFERENCES alerts (id)
) STRICT;

-- Whether something got through to other addresses when the operator was told last.
ALTER TABLE backlogs ADD COLUMN others_get_through INTEGER NOT NULL DEFAULT 1;

-- Attempts that were answered with "not now": its own back-off counts them, and none that found the way closed.
ALTER TABLE deliveries ADD COLUMN deferrals INTEGER NOT NULL DEFAULT 0;
UPDATE deliveries SET deferrals = attempts WHERE status = 'queued';
-- What waits for one address, in its order.
CREATE INDEX deliveries_by_address ON deliveries (address, id) WHERE status = 'queued';
