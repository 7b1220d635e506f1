-- name: attend
-- Who is silent for an hour has died; its next start has another name.
WITH gone AS (DELETE FROM crew WHERE seen_at < clock_timestamp() - interval '1 hour' AND holder <> $1)
INSERT INTO crew (holder, seen_at) VALUES ($1, clock_timestamp())
ON CONFLICT (holder) DO UPDATE SET seen_at = excluded.seen_at

-- name: present
-- How many there are. Who was seen in a time that is yet to come has not been since the clock was set back.
SELECT count(*) FROM crew WHERE seen_at BETWEEN
  clock_timestamp() - make_interval(secs => $1::float8) AND clock_timestamp() + make_interval(secs => $1::float8)

-- name: leave
-- The others need not wait.
DELETE FROM crew WHERE holder = $1

-- name: horizon
-- The oldest transaction that is open, and the next one.
SELECT pg_snapshot_xmin(found)::text::bigint, pg_snapshot_xmax(found)::text::bigint FROM pg_current_snapshot() found

-- name: in_no_part
-- Callbacks above the end of the last part that was made, counted up to a limit.
SELECT count(*) FROM (SELECT 1 FROM slots JOIN callbacks_rest USING (slot)
  WHERE number >= (SELECT coalesce(max(past), 0) FROM parts) LIMIT $1) AS counted

-- name: alone
-- Until the end of the transaction: two accounts that come at once are not both counted into the same slot.
LOCK TABLE accounts IN SHARE ROW EXCLUSIVE MODE

-- name: slot_of
-- Where an account is.
SELECT slot FROM accounts WHERE provider = $1 AND account = $2

-- name: assign
-- To the slot with the fewest accounts, the lowest among those.
INSERT INTO accounts (provider, account, slot)
SELECT $1, $2, slots.slot FROM slots LEFT JOIN accounts USING (slot)
GROUP BY slots.slot ORDER BY count(accounts.account), slots.slot LIMIT 1
ON CONFLICT DO NOTHING

-- name: assigned
-- All of them.
SELECT provider, account, slot FROM accounts ORDER BY provider, account

-- name: is_slot
-- Whether there is such a slot.
SELECT 1 FROM slots WHERE slot = $1

-- name: stop_appends
-- Until the end of the transaction: nobody appends to the inbox meanwhile. It waits for a moment only.
SET LOCAL lock_timeout = '2s';
LOCK TABLE callbacks IN SHARE ROW EXCLUSIVE MODE

-- name: uninterpreted
-- Whether a slot has callbacks or requests that nobody has interpreted yet.
SELECT EXISTS (SELECT 1 FROM callbacks, slots WHERE slots.slot = $1 AND callbacks.slot = $1
               AND callbacks.number > slots.inbox_to)
    OR EXISTS (SELECT 1 FROM requests, slots WHERE slots.slot = $1 AND requests.slot = $1
               AND requests.number > slots.requests_to)

-- name: unpublished
-- Whether a slot has records that no cluster has confirmed, as far as its publisher noted.
SELECT EXISTS (SELECT 1 FROM records WHERE number > greatest(slots.slot::bigint << 48,
         (SELECT max(number) FROM kafka_memory WHERE kafka_memory.slot = slots.slot)) AND number <= slots.last_record)
FROM slots WHERE slot = $1

-- name: move
-- From now on.
UPDATE accounts SET slot = $3, since = now() WHERE provider = $1 AND account = $2

-- name: next_era
-- Who appends by what it knew before is refused, and looks again.
UPDATE journal SET era = era + 1

-- name: add_slot
-- Those that are there stay as they are.
INSERT INTO slots (slot, last_record) VALUES ($1, $2) ON CONFLICT DO NOTHING

-- name: count_slots
-- How many there are.
SELECT count(*) FROM slots

-- name: slots_of_inbox
-- Of callbacks by their numbers, also of those that are purged and whose outcome is known.
SELECT number, slot FROM callbacks WHERE slot = ANY(ARRAY(SELECT slot FROM slots)) AND number = ANY($1::bigint[])
UNION SELECT number, slot FROM outcomes WHERE store = 'inbox' AND number = ANY($1::bigint[])

-- name: slots_of_requests
-- Of requests and answers.
SELECT number, slot FROM requests WHERE number = ANY($1::bigint[])

-- name: adopt
-- Where the next transaction's numbers would not be above the highest there is.
UPDATE journal SET era = found.highest / 1024 + 1 - pg_current_xact_id()::text::bigint
FROM (SELECT coalesce(max(number), 0) AS highest FROM callbacks) AS found
WHERE (era + pg_current_xact_id()::text::bigint) * 1024 <= found.highest
RETURNING era
