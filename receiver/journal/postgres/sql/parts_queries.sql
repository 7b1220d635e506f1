-- name: made
-- The parts that are in the inbox.
SELECT first, past FROM parts WHERE NOT detached ORDER BY first

-- name: over
-- Those of which no number will be given any more: every transaction that could is below the horizon.
SELECT first, past FROM parts, journal
WHERE NOT detached AND past <= (era + pg_snapshot_xmin(pg_current_snapshot())::text::bigint) * 1024 ORDER BY first

-- name: pace
-- Where the last part ends, the next number, and numbers a second since a part was made some time ago.
SELECT coalesce((SELECT max(past) FROM parts), 0), next_number, coalesce((
  SELECT ((next_number - made_when) / extract(epoch FROM clock_timestamp() - made_at))::float8 FROM parts
  WHERE made_at < clock_timestamp() - make_interval(secs => $1::float8) ORDER BY made_at DESC, first DESC LIMIT 1), 0)
FROM (SELECT (era + pg_snapshot_xmax(pg_current_snapshot())::text::bigint) * 1024 AS next_number FROM journal) AS now

-- name: add
-- One part.
SELECT add_part($1, $2, $3)

-- name: span
-- When the first and the last callback of a stretch of numbers were received, whatever the slots; two rows a slot.
SELECT min(at), max(at) FROM slots CROSS JOIN LATERAL (
  (SELECT received_at_us FROM callbacks WHERE callbacks.slot = slots.slot AND number >= $1 AND number < $2
   ORDER BY number LIMIT 1)
  UNION ALL
  (SELECT received_at_us FROM callbacks WHERE callbacks.slot = slots.slot AND number >= $1 AND number < $2
   ORDER BY number DESC LIMIT 1)) AS ends(at)

-- name: staying
-- Callbacks of a part that must stay: received since a time, not interpreted, not published, or in quarantine.
WITH reached AS MATERIALIZED (SELECT slot, inbox_to, coalesce((SELECT number FROM kafka_memory
  WHERE kafka_memory.slot = slots.slot ORDER BY noted DESC LIMIT 1), slot::bigint << 48) AS published FROM slots)
SELECT callbacks.number FROM callbacks JOIN reached ON reached.slot = callbacks.slot
  LEFT JOIN outcomes ON store = 'inbox' AND outcomes.number = callbacks.number
WHERE callbacks.number >= $1 AND callbacks.number < $2
  AND (received_at_us >= $3 OR callbacks.number > inbox_to OR outcome = 'quarantine' OR coalesce(record, 0) > published)
LIMIT $4

-- name: count
-- Callbacks of a part.
SELECT count(*) FROM callbacks WHERE number >= $1 AND number < $2

-- name: detach
-- Take a part out of the inbox, but for some that stay.
SELECT detach_part($1, $2::bigint[])

-- name: drop_detached
-- Parts that are out of it.
SELECT drop_detached()
