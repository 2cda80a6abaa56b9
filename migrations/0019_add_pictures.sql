-- The picture of the last days in an alert's mail, and the reports they are counted from.
ALTER TABLE alerts ADD COLUMN picture BLOB;                             -- PNG
ALTER TABLE alerts ADD COLUMN picture_cid TEXT;                         -- its Content-ID
CREATE INDEX incidents_by_topic ON incidents (topic, last_tripped_at);
