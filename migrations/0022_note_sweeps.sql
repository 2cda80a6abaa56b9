-- The hour for which old reports and counts were forgotten last.
ALTER TABLE counting ADD COLUMN swept_hour INTEGER NOT NULL DEFAULT 0;
