-- What stories and copies are told by: see src/story.rs. Blobs are its own formats.

-- An article of the last days, so that the memory of open stories can be built anew without reading texts again. No foreign keys: rows
-- go when they are too old to matter, whatever becomes of their articles.
CREATE TABLE story_sketches (
    article_id INTEGER PRIMARY KEY,
    story_id INTEGER NOT NULL,
    at INTEGER NOT NULL,                      -- when it was taken in
    sketch BLOB NOT NULL
) STRICT;

-- The terms of the articles since term_counts was written.
CREATE TABLE counted_terms (
    article_id INTEGER PRIMARY KEY,
    terms BLOB NOT NULL
) STRICT;

-- How common words are of late. One row.
CREATE TABLE term_counts (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    counts BLOB NOT NULL
) STRICT;

-- Which openings and endings of headlines were used on a day (days since the epoch, UTC).
CREATE TABLE headline_formulas (
    day INTEGER PRIMARY KEY,
    formulas BLOB NOT NULL
) STRICT;

-- The article whose headline is the story's title.
ALTER TABLE stories ADD COLUMN title_article_id INTEGER;

CREATE INDEX articles_by_story ON articles (story_id, seen_at);

-- Nothing looks articles up by their words any more: copies are seen by their sketches.
DROP INDEX articles_by_fingerprint;
