-- name: add
-- One callback that was refused.
INSERT INTO rejects (number, source, received_at_us, why, headers, body) VALUES (?, ?, ?, ?, ?, ?)

-- name: last_number
-- The highest number ever given.
SELECT seq FROM sqlite_sequence WHERE name = 'rejects'

-- name: forget_before
-- All that are older than a time.
DELETE FROM rejects WHERE received_at_us < ?

-- name: prune
-- All but the newest so many.
DELETE FROM rejects WHERE number <= (SELECT seq FROM sqlite_sequence WHERE name = 'rejects') - ?

-- name: newest
-- The newest of them.
SELECT number, source, received_at_us, why, headers, body FROM rejects ORDER BY number DESC LIMIT ?

-- name: one
-- One of them.
SELECT number, source, received_at_us, why, headers, body FROM rejects WHERE number = ?
