-- name: append
-- Many rows in one statement, which is a transaction of its own.
INSERT INTO callbacks (source, received_at_us, headers, body) VALUES (?, ?, ?, ?)

-- name: entries
-- The next callbacks in order of receipt.
SELECT number, source, received_at_us, headers, body FROM callbacks WHERE number > ? ORDER BY number LIMIT ?

-- name: entry
SELECT number, source, received_at_us, headers, body FROM callbacks WHERE number = ?

-- name: newest
SELECT received_at_us FROM callbacks ORDER BY number DESC LIMIT 1

-- name: ages
SELECT number, received_at_us FROM callbacks WHERE number > ? ORDER BY number LIMIT ?

-- name: purge
DELETE FROM callbacks WHERE number = ?

-- name: last_number
-- The highest number ever given, also when its callback was purged.
SELECT seq FROM sqlite_sequence WHERE name = 'callbacks'
