-- name: append
-- Many rows in one statement, which is a transaction of its own.
INSERT INTO callbacks (source, received_at_us, headers, body) VALUES (?, ?, ?, ?)

-- name: append_sealed
-- The same with numbers that are given: what is sealed is bound to its own.
INSERT INTO callbacks (number, source, received_at_us, headers, body) VALUES (?, ?, ?, ?, ?)

-- name: entries
-- The next callbacks in order of receipt.
SELECT number, source, received_at_us, headers, body FROM callbacks WHERE number > ? ORDER BY number LIMIT ?

-- name: entry
-- One callback, whole.
SELECT number, source, received_at_us, headers, body FROM callbacks WHERE number = ?

-- name: bodies_below
-- The callbacks before one, the newest first, without what is not looked at in a repeat; an integer marks sealed ones.
SELECT number, source, iif(typeof(headers) = 'integer', headers, x''), body FROM callbacks WHERE number < ? ORDER BY number DESC LIMIT ?

-- name: ages
-- The next callbacks, only when they were received.
SELECT number, received_at_us FROM callbacks WHERE number > ? ORDER BY number LIMIT ?

-- name: next_between
-- The first callback of a stretch of numbers that was received in a time.
SELECT number FROM callbacks WHERE number > ?1 AND number <= ?2 AND received_at_us >= ?3 AND received_at_us < ?4
ORDER BY number LIMIT 1

-- name: purge
-- One callback that retention lets go.
DELETE FROM callbacks WHERE number = ?

-- name: trial
-- A commit like any other, with an fsync: whether the disk takes one. A value that stays the same would not be written.
INSERT INTO meta VALUES ('trial', 1) ON CONFLICT (key) DO UPDATE SET value = 1 - value

-- name: last_number
-- The highest number ever given, also when its callback was purged.
SELECT seq FROM sqlite_sequence WHERE name = 'callbacks'
