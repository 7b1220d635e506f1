-- name: add
-- One callback that was refused.
INSERT INTO rejects (number, source, received_at_us, why, near, headers, body) VALUES (?, ?, ?, ?, ?, ?, ?)

-- name: last_number
-- The highest number ever given.
SELECT seq FROM sqlite_sequence WHERE name = 'rejects'

-- name: forget_before
-- All that are older than a time.
DELETE FROM rejects WHERE received_at_us < ?

-- name: prune
-- All but so many. Each gets its place among those of its source and reason: the nearest to genuine first, among these
-- the first one of each hour, then the second ones. Whoever has the last place goes first, whatever its kind.
WITH
  of_hours AS (
    SELECT number, source, why, near, row_number() OVER (
      PARTITION BY source, why, near, received_at_us / 3600000000 ORDER BY number DESC
    ) AS of_hour
    FROM rejects
  ),
  places AS (
    SELECT number, near, row_number() OVER (
      PARTITION BY source, why ORDER BY near DESC, of_hour, number DESC
    ) AS place
    FROM of_hours
  )
DELETE FROM rejects WHERE number IN (
  SELECT number FROM places ORDER BY place DESC, near, number LIMIT max(0, (SELECT count(*) FROM rejects) - ?)
)

-- name: columns
-- What the table has.
PRAGMA table_info(rejects)

-- name: add_near
-- Of an older release's table, whose rows count as far from genuine.
ALTER TABLE rejects ADD COLUMN near INTEGER NOT NULL DEFAULT 0

-- name: newest
-- The newest of them.
SELECT number, source, received_at_us, why, headers, body FROM rejects ORDER BY number DESC LIMIT ?

-- name: one
-- One of them.
SELECT number, source, received_at_us, why, headers, body FROM rejects WHERE number = ?
