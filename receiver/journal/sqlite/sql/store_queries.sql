-- name: make_meta
-- What every store knows of itself: the journal's id, its own name, the version of its format.
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID

-- name: set_meta
-- Only where it is not said yet.
INSERT OR IGNORE INTO meta (key, value) VALUES (?, ?)

-- name: meta
-- All of it.
SELECT key, value FROM meta
