-- Schema 3: decisions by meaning, and what became known of them.

-- A log, with texts as in schema.sql. It is bounded by whoever writes, and dies with the entries.
CREATE TABLE judgements (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    entry_id INTEGER NOT NULL,
    question_digest TEXT NOT NULL,
    scope TEXT NOT NULL,
    similarity REAL NOT NULL,
    probability REAL,
    served INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    money REAL,
    seconds REAL NOT NULL,
    label TEXT CHECK (label IN ('right', 'wrong')),
    labelled_by TEXT CHECK (labelled_by IN ('person', 'answers', 'model')),
    question BLOB NOT NULL               -- the other one is its entry's
);
CREATE INDEX judgements_of ON judgements (entry_id);

-- Without texts. Whoever is behind reads those with a higher id.
CREATE TABLE lessons (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    pair TEXT NOT NULL,
    scope TEXT NOT NULL,
    entry_id INTEGER NOT NULL,
    correct INTEGER NOT NULL,            -- RIGHT is a keyword
    taught_by TEXT NOT NULL CHECK (taught_by IN ('person', 'answers', 'model')),
    score REAL,
    paid INTEGER NOT NULL
);

CREATE TRIGGER judgements_die_with_entry AFTER DELETE ON entries BEGIN
    DELETE FROM judgements WHERE entry_id = OLD.id;
END;

PRAGMA user_version = 3;
