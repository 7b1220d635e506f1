-- name: make_gathered
-- In memory, and of one connection alone. It may be there from before a transaction that failed.
PRAGMA temp_store = memory;
CREATE TEMP TABLE IF NOT EXISTS gathered (
  key_hash  INTEGER NOT NULL,
  operation INTEGER NOT NULL,
  PRIMARY KEY (key_hash, operation)
) WITHOUT ROWID;
DELETE FROM gathered

-- name: candidates
-- The numbers under some hashes, a JSON list, given twice.
SELECT operation FROM operation_keys WHERE key_hash IN (SELECT value FROM json_each(?))
UNION SELECT operation FROM gathered WHERE key_hash IN (SELECT value FROM json_each(?))

-- name: candidates_once
-- The same for who asks once: those that are not in the file's table yet are looked through where they stand.
SELECT operation FROM operation_keys WHERE key_hash IN (SELECT value FROM json_each(?))
UNION SELECT id FROM operations
WHERE id > coalesce((SELECT value FROM meta WHERE key = 'keys_indexed_to'), 0)
  AND key_hash IN (SELECT value FROM json_each(?))

-- name: gather
-- Operations above a number whose hashes need not be in the file's table.
INSERT OR IGNORE INTO gathered (key_hash, operation) SELECT key_hash, id FROM operations
WHERE id > max(?, coalesce((SELECT value FROM meta WHERE key = 'keys_indexed_to'), 0))

-- name: nth
-- The hash that ends a slice.
SELECT key_hash FROM gathered WHERE key_hash >= ? ORDER BY key_hash LIMIT 1 OFFSET ?

-- name: move
-- A slice of hashes into the table of the file, in its order.
INSERT OR IGNORE INTO operation_keys (key_hash, operation)
SELECT key_hash, operation FROM gathered WHERE key_hash BETWEEN ? AND ? ORDER BY key_hash, operation

-- name: moved
-- The same slice is gathered no longer.
DELETE FROM gathered WHERE key_hash BETWEEN ? AND ?

-- name: keys
-- By a JSON list of numbers.
SELECT id, key FROM operations WHERE id IN (SELECT value FROM json_each(?))

-- name: last_number
-- The highest ever put into the file's table, or there now.
SELECT max(coalesce((SELECT max(id) FROM operations), 0),
           coalesce((SELECT value FROM meta WHERE key = 'keys_indexed_to'), 0))

-- name: index
-- One operation into the table of the file, at once.
INSERT OR IGNORE INTO operation_keys (key_hash, operation) VALUES (?, ?)

-- name: set_indexed_to
-- The operation up to which all are in the table of the file.
INSERT OR REPLACE INTO meta (key, value) VALUES ('keys_indexed_to', ?)
