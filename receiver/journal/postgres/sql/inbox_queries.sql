-- name: append
-- Many rows in one statement, which is a transaction of its own. No row comes back where the journal's era is another.
INSERT INTO callbacks (slot, number, source, received_at_us, headers, body)
SELECT l, ($6::bigint + pg_current_xact_id()::text::bigint) * 1024 + place - 1, s, r, h, b
FROM unnest($1::text[], $2::bigint[], $3::bytea[], $4::bytea[], $5::smallint[]) WITH ORDINALITY AS given(s, r, h, b, l, place)
WHERE $6::bigint = (SELECT era FROM journal)
RETURNING number

-- name: lock
-- What an INSERT takes before all else; without ONLY each part would be locked too.
LOCK TABLE ONLY callbacks IN ROW EXCLUSIVE MODE

-- name: first_number
-- What is sealed is bound to its number, so it must be known before: that of this transaction's first row.
SELECT (era + pg_current_xact_id()::text::bigint) * 1024 FROM journal

-- name: append_sealed
-- The same with numbers that are given.
INSERT INTO callbacks (slot, number, source, received_at_us, headers, body)
SELECT l, n, s, r, NULL, b FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bytea[], $5::smallint[])
  AS given(n, s, r, b, l)
WHERE $6::bigint = (SELECT era FROM journal)
RETURNING number

-- name: try_append
-- A row that is deleted before its transaction ends, so that nobody ever sees it.
INSERT INTO callbacks (slot, number, source, received_at_us, headers, body)
SELECT (SELECT min(slot) FROM slots), (era + pg_current_xact_id()::text::bigint) * 1024, '', 0, '', $1 FROM journal
RETURNING slot, number

-- name: undo_append
-- That row.
DELETE FROM callbacks WHERE slot = $1 AND number = $2

-- name: era
-- Added to transaction ids.
SELECT era FROM journal

-- name: kept
-- Whether a callback that was acknowledged is there, and is no other one, or was purged since.
SELECT EXISTS (SELECT 1 FROM callbacks WHERE slot = $1 AND number = $2 AND received_at_us = $3)
  OR $2 <= (SELECT callbacks_last FROM slots WHERE slot = $1)

-- name: ahead
-- Whether numbers still rise: they do not after a logical restore, until the era is raised.
SELECT (era + pg_current_xact_id()::text::bigint) * 1024 > (SELECT coalesce(max(number), 0) FROM callbacks) FROM journal

-- name: entries
-- The next callbacks in order of receipt below a number, or below the horizon, under which every transaction has ended:
-- as many as have bodies of so many bytes together, and at least one.
SELECT number, source, received_at_us, headers, body
FROM (SELECT *, sum(octet_length(body)) OVER (ORDER BY number) AS bytes, row_number() OVER (ORDER BY number) AS place
      FROM (SELECT found.* FROM slots CROSS JOIN LATERAL (
              SELECT number, source, received_at_us, headers, body FROM callbacks WHERE callbacks.slot = slots.slot
                AND number > $1
                AND number < coalesce($4::bigint, ((SELECT era FROM journal) + pg_snapshot_xmin(pg_current_snapshot())::text::bigint) * 1024)
              ORDER BY number LIMIT $2) AS found
            WHERE ($3::smallint IS NULL OR slots.slot = $3) ORDER BY number LIMIT $2) AS next) AS summed
WHERE bytes <= $5 OR place = 1 ORDER BY number

-- name: snapshot
-- The oldest transaction that has not ended, the next one, and what is added to both.
SELECT pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint, (SELECT era FROM journal)
FROM pg_current_snapshot() AS s

-- name: appending
-- Transactions that can be appends: they hold a writer's lock on callbacks, taken before their id and kept to their end.
-- NULL for one that shows no id: it has none yet, or has it and has not locked it yet, which comes a moment later.
SELECT x.transactionid::text::bigint FROM pg_locks r LEFT JOIN pg_locks x ON x.virtualtransaction = r.virtualtransaction
  AND x.locktype = 'transactionid' AND x.mode = 'ExclusiveLock' AND x.granted
WHERE r.locktype = 'relation' AND r.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND r.relation = 'callbacks'::regclass
  AND r.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')

-- name: entry
-- One callback, whole.
SELECT number, source, received_at_us, headers, body FROM callbacks
WHERE slot = ANY(ARRAY(SELECT slot FROM slots)) AND number = $1

-- name: bodies_below
-- The callbacks before one, the newest first, without what is not looked at in a repeat.
SELECT number, source, headers IS NULL, body
FROM (SELECT *, sum(octet_length(body)) OVER (ORDER BY number DESC) AS bytes,
        row_number() OVER (ORDER BY number DESC) AS place
      FROM (SELECT found.* FROM slots CROSS JOIN LATERAL (
              SELECT number, source, headers, body FROM callbacks WHERE callbacks.slot = slots.slot AND number < $1
              ORDER BY number DESC LIMIT $2) AS found
            WHERE ($3::smallint IS NULL OR slots.slot = $3) ORDER BY number DESC LIMIT $2) AS next) AS summed
WHERE bytes <= $4 OR place = 1 ORDER BY number DESC

-- name: waiting
-- Callbacks above a number, counted up to a limit.
SELECT count(*) FROM (SELECT 1 FROM slots JOIN callbacks USING (slot)
  WHERE ($2::smallint IS NULL OR slot = $2) AND number > $1 LIMIT $3) AS counted

-- name: last_number
-- The highest number below the horizon, also where its callback was purged.
SELECT coalesce(max(greatest(callbacks_last, (
  SELECT max(number) FROM callbacks WHERE callbacks.slot = slots.slot
    AND number < ((SELECT era FROM journal) + pg_snapshot_xmin(pg_current_snapshot())::text::bigint) * 1024))), 0)
FROM slots WHERE ($1::smallint IS NULL OR slots.slot = $1)

-- name: ages
-- The next callbacks, only when they were received.
SELECT number, received_at_us FROM slots CROSS JOIN LATERAL (
  SELECT number, received_at_us FROM callbacks WHERE callbacks.slot = slots.slot AND number > $1
  ORDER BY number LIMIT $2) AS found
WHERE ($3::smallint IS NULL OR slots.slot = $3) ORDER BY number LIMIT $2

-- name: next_between
-- The first callback above a number that was received in a time.
SELECT min(number) FROM callbacks WHERE slot = ANY(ARRAY(SELECT slot FROM slots WHERE $4::smallint IS NULL OR slot = $4))
  AND number > $1 AND received_at_us >= $2 AND received_at_us < $3

-- name: purge
-- Callbacks that retention lets go; their highest number is not forgotten. From the lowest to the highest: no other part
-- is looked into.
WITH gone AS (DELETE FROM callbacks WHERE slot = ANY(ARRAY(SELECT slot FROM slots)) AND number = ANY($1::bigint[])
  AND number >= (SELECT min(n) FROM unnest($1::bigint[]) AS n) AND number <= (SELECT max(n) FROM unnest($1::bigint[]) AS n)
  RETURNING slot, number)
UPDATE slots SET callbacks_last = greatest(callbacks_last, last)
FROM (SELECT slot, max(number) AS last FROM gone GROUP BY slot) AS of_slots WHERE slots.slot = of_slots.slot
