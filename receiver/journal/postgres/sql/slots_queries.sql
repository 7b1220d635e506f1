-- name: take
-- One slot that is free, whose lease has run out, or that is ours already; ours first. Two who look at the same moment
-- do not wait for each other. A lease that will begin only in a while has run out too: the clock was set back since, or a
-- server whose clock is behind took over, and whoever lives says so within a second.
UPDATE slots SET epoch = epoch + 1, holder = $1, renewed_at = clock_timestamp() WHERE slot = (
  SELECT slot FROM slots
  WHERE NOT slot = ANY($3::smallint[])
    AND (holder = $1 OR renewed_at < clock_timestamp() - make_interval(secs => $2::float8)
      OR renewed_at > clock_timestamp() + make_interval(secs => $2::float8))
  ORDER BY holder IS DISTINCT FROM $1, slot LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING slot, epoch

-- name: renew
-- By who holds it, and nobody else.
UPDATE slots SET renewed_at = clock_timestamp() WHERE slot = $1 AND epoch = $2 AND holder = $3 RETURNING 1

-- name: give_up
-- Free for others at once.
UPDATE slots SET holder = NULL, renewed_at = '-infinity' WHERE slot = $1 AND epoch = $2 AND holder = $3

-- name: states
-- All of them.
SELECT slot, epoch, holder, CASE WHEN holder IS NULL THEN NULL
  ELSE extract(epoch FROM clock_timestamp() - renewed_at)::float8 END, inbox_to, requests_to, last_record
FROM slots ORDER BY slot

-- name: workers
-- Holders that are alive.
SELECT count(DISTINCT holder) FROM slots WHERE renewed_at BETWEEN
  clock_timestamp() - make_interval(secs => $1::float8) AND clock_timestamp() + make_interval(secs => $1::float8)

-- name: make_lease
-- Before it is taken for the first time.
INSERT INTO leases (name) VALUES ($1) ON CONFLICT DO NOTHING

-- name: take_lease
-- Where it is free, has run out, or is ours already.
UPDATE leases SET epoch = epoch + 1, holder = $2, renewed_at = clock_timestamp() WHERE name = $1
  AND (holder IS NULL OR holder = $2 OR renewed_at < clock_timestamp() - make_interval(secs => $3::float8)
    OR renewed_at > clock_timestamp() + make_interval(secs => $3::float8))
RETURNING epoch

-- name: renew_lease
-- By who holds it.
UPDATE leases SET renewed_at = clock_timestamp() WHERE name = $1 AND epoch = $2 AND holder = $3 RETURNING 1

-- name: give_up_lease
-- Free for others at once.
UPDATE leases SET holder = NULL, renewed_at = '-infinity' WHERE name = $1 AND epoch = $2 AND holder = $3
