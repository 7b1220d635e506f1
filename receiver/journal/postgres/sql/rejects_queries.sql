-- name: make
-- The first service does.
INSERT INTO counters VALUES ('rejects', 0) ON CONFLICT DO NOTHING

-- name: is_there
-- Whether a service ever kept a sample.
SELECT 1 FROM counters WHERE name = 'rejects'

-- name: hurry
-- For this transaction alone: a sample may be lost.
SET LOCAL synchronous_commit = off

-- name: next_number
-- Never one twice.
UPDATE counters SET last = last + 1 WHERE name = 'rejects' RETURNING last

-- name: add
-- One callback that was refused.
INSERT INTO rejects (number, source, received_at_us, why, near, headers, body) VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: forget_before
-- All that are older than a time.
DELETE FROM rejects WHERE received_at_us < $1 RETURNING 1

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
  SELECT number FROM places ORDER BY place DESC, near, number
  LIMIT greatest(0, (SELECT count(*) FROM rejects) - $1::bigint)
)

-- name: newest
-- The newest of them.
SELECT number, source, received_at_us, why, headers, body FROM rejects ORDER BY number DESC LIMIT $1

-- name: one
-- One of them.
SELECT number, source, received_at_us, why, headers, body FROM rejects WHERE number = $1
