-- name: indexed
-- The numbers under some hashes, a JSON list.
SELECT operation FROM operation_keys WHERE key_hash IN (SELECT value FROM json_each(?))

-- name: not_indexed
-- Operations above a number whose hashes need not be in the table.
SELECT id, key_hash FROM operations
WHERE id > max(?, coalesce((SELECT value FROM meta WHERE key = 'keys_indexed_to'), 0)) ORDER BY id

-- name: keys
-- By a JSON list of numbers.
SELECT id, key FROM operations WHERE id IN (SELECT value FROM json_each(?))

-- name: last_number
-- The highest ever put into the table, or there now.
SELECT max(coalesce((SELECT max(id) FROM operations), 0),
           coalesce((SELECT value FROM meta WHERE key = 'keys_indexed_to'), 0))

-- name: index
INSERT OR IGNORE INTO operation_keys (key_hash, operation) VALUES (?, ?)

-- name: set_indexed_to
INSERT OR REPLACE INTO meta (key, value) VALUES ('keys_indexed_to', ?)
