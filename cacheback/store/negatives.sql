-- Schema 2: blocked patterns. Texts are UTF-8 in BLOBs, as in schema.sql.

CREATE TABLE negatives (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    namespace TEXT NOT NULL,             -- '' for none
    digest TEXT NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL,
    vector BLOB,                         -- dim little-endian float16
    reason BLOB NOT NULL,
    pattern BLOB NOT NULL
);
CREATE UNIQUE INDEX negatives_pattern ON negatives (digest, namespace);

-- Questions that a pattern caught by mistake; unknown ones have no text.
CREATE TABLE negative_reports (
    id INTEGER PRIMARY KEY,
    negative_id INTEGER NOT NULL,
    created_at REAL NOT NULL,
    vector BLOB,
    text BLOB
);
CREATE INDEX negative_reports_of ON negative_reports (negative_id);

-- One row: the point that the patterns have reached. Whoever is behind reads all of them anew.
CREATE TABLE negatives_point (point INTEGER NOT NULL);
INSERT INTO negatives_point VALUES (0);

CREATE TRIGGER negative_added AFTER INSERT ON negatives BEGIN
    UPDATE negatives_point SET point = point + 1;
END;

CREATE TRIGGER negative_removed AFTER DELETE ON negatives BEGIN
    DELETE FROM negative_reports WHERE negative_id = OLD.id;
    UPDATE negatives_point SET point = point + 1;
END;

CREATE TRIGGER negative_reported AFTER INSERT ON negative_reports BEGIN
    UPDATE negatives_point SET point = point + 1;
END;

PRAGMA user_version = 2;
