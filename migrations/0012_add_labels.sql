-- What people say of articles: whether an alert about a topic is right. Learning and evaluation read them.
CREATE TABLE labels (
    article_id INTEGER NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
    topic TEXT NOT NULL,
    grade INTEGER NOT NULL CHECK (grade IN (0, 1, 2)),   -- 2 an alert is right, 1 arguable, 0 it is wrong
    source TEXT NOT NULL,                     -- owner: of this article; feedback: of the alert that told of it
    at INTEGER NOT NULL,
    PRIMARY KEY (article_id, topic)
) STRICT, WITHOUT ROWID;
