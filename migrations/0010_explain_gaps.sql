-- Why entries may have come and gone unseen at gap_at: window, cut, excess.
ALTER TABLE feeds ADD COLUMN gap_cause TEXT;
