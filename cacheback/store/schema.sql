-- Schema 1, made once, before the file gets its name. Triggers keep whatever must never be
-- forgotten: the change log, the counts, and what dies with an entry.

PRAGMA auto_vacuum = INCREMENTAL;

BEGIN;

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value REAL NOT NULL
) WITHOUT ROWID;

-- One row, so that a full cache is noticed without counting.
CREATE TABLE totals (entries INTEGER NOT NULL);
INSERT INTO totals VALUES (0);

CREATE TABLE scopes (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    parts BLOB NOT NULL,                 -- JSON
    entries INTEGER NOT NULL DEFAULT 0
);

-- Question and answer are UTF-8 in BLOBs because providers send lone surrogates, which TEXT refuses.
-- They come last: what precedes them is read without following overflow pages.
CREATE TABLE entries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    scope_id INTEGER NOT NULL,
    question_digest TEXT NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL,
    last_used_at REAL NOT NULL,
    hits INTEGER NOT NULL DEFAULT 0,
    provenance TEXT NOT NULL CHECK (provenance IN ('upstream', 'synthesis', 'import', 'manual')),
    seconds REAL,
    tags TEXT NOT NULL,                  -- JSON array
    sources TEXT NOT NULL,               -- JSON array
    checksum INTEGER NOT NULL,           -- CRC-32 of everything but hits and last_used_at
    question BLOB NOT NULL,
    answer BLOB NOT NULL                 -- JSON
);
CREATE UNIQUE INDEX entries_question ON entries (question_digest, scope_id);
CREATE INDEX entries_scope ON entries (scope_id);
CREATE INDEX entries_last_used ON entries (last_used_at);
CREATE INDEX entries_expiry ON entries (expires_at) WHERE expires_at IS NOT NULL;

-- Apart from the entries, so that reading an answer does not drag a vector through the page cache.
CREATE TABLE vectors (
    entry_id INTEGER PRIMARY KEY,
    scope_id INTEGER NOT NULL,
    vector BLOB NOT NULL                 -- dim little-endian float16
);
CREATE INDEX vectors_scope ON vectors (scope_id);

CREATE TABLE tags (
    tag TEXT NOT NULL,
    entry_id INTEGER NOT NULL,
    PRIMARY KEY (tag, entry_id)
) WITHOUT ROWID;
CREATE INDEX tags_entry ON tags (entry_id);

CREATE TABLE sources (
    source_id INTEGER NOT NULL,
    entry_id INTEGER NOT NULL,
    PRIMARY KEY (source_id, entry_id)
) WITHOUT ROWID;
CREATE INDEX sources_entry ON sources (entry_id);

CREATE TABLE changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    entry_id INTEGER NOT NULL,
    scope TEXT NOT NULL,
    question_digest TEXT NOT NULL
);

-- 10,000 changes are about 2 MB; whoever is further behind reads the store anew, which takes
-- about as long as applying that many.
CREATE TRIGGER changes_are_bounded AFTER INSERT ON changes BEGIN
    DELETE FROM changes WHERE seq <= NEW.seq - 10000;
END;

CREATE TRIGGER entry_added AFTER INSERT ON entries BEGIN
    UPDATE totals SET entries = entries + 1;
    UPDATE scopes SET entries = entries + 1 WHERE id = NEW.scope_id;
    INSERT INTO tags SELECT value, NEW.id FROM json_each(NEW.tags);
    INSERT INTO sources SELECT value, NEW.id FROM json_each(NEW.sources);
    INSERT INTO changes (kind, entry_id, scope, question_digest)
        SELECT 'added', NEW.id, digest, NEW.question_digest FROM scopes WHERE id = NEW.scope_id;
END;

-- The removal of what was synthesised from the entry fires this trigger again: connections set
-- recursive_triggers.
CREATE TRIGGER entry_removed AFTER DELETE ON entries BEGIN
    INSERT INTO changes (kind, entry_id, scope, question_digest)
        SELECT 'removed', OLD.id, digest, OLD.question_digest FROM scopes WHERE id = OLD.scope_id;
    DELETE FROM vectors WHERE entry_id = OLD.id;
    DELETE FROM tags WHERE entry_id = OLD.id;
    DELETE FROM sources WHERE entry_id = OLD.id;
    DELETE FROM entries WHERE id IN (SELECT entry_id FROM sources WHERE source_id = OLD.id);
    UPDATE totals SET entries = entries - 1;
    UPDATE scopes SET entries = entries - 1 WHERE id = OLD.scope_id;
    DELETE FROM scopes WHERE id = OLD.scope_id AND entries <= 0;
END;

PRAGMA application_id = 0x43424b31;      -- "CBK1"
PRAGMA user_version = 1;

COMMIT;

PRAGMA journal_mode = WAL;
