-- name: entry
-- A callback of the inbox, whole.
SELECT number, source, received_at_us, headers, body FROM callbacks WHERE number = ?

-- name: progress
-- How far the outbox has read each other store, and the digest of the last entry there.
SELECT store, number, digest FROM progress

-- name: last_number
-- The highest number ever given in a table.
SELECT seq FROM sqlite_sequence WHERE name = ?

-- name: numbers_given
-- 0 in a store that was never used.
SELECT coalesce(sum(seq), 0) FROM sqlite_sequence
