-- name: unaccounted
-- Interpreted callbacks without an outcome, but for those so old that their outcomes were purged.
SELECT number FROM callbacks JOIN slots USING (slot) WHERE number <= inbox_to AND number > outcomes_purged_to
  AND NOT EXISTS (SELECT 1 FROM outcomes WHERE store = 'inbox' AND outcomes.number = callbacks.number)
ORDER BY number LIMIT $1

-- name: without_record
-- Callbacks that became an event or went into quarantine, where the record of it is neither there nor purged.
SELECT outcomes.number, record FROM outcomes LEFT JOIN records ON records.number = outcomes.record
WHERE store = 'inbox' AND outcome <> 'duplicate' AND records.number IS NULL
  AND record >= (SELECT coalesce(min(number), 0) FROM records WHERE number > outcomes.slot::bigint << 48)
ORDER BY outcomes.number LIMIT $1

-- name: read_to
-- The last entry that each slot has read, and its digest.
SELECT slot, inbox_to, inbox_digest FROM slots WHERE inbox_to > 0 ORDER BY slot

-- name: entry
-- That entry, where it is there.
SELECT number, source, received_at_us, headers, body FROM callbacks WHERE slot = $1 AND number = $2

-- name: first_record
-- The oldest record that was not purged.
SELECT min(number) FROM records

-- name: records
-- What the sequences of operations are counted over, in outbox order; some withheld ones stand for no operation.
SELECT number, record_type, provider, account, kind, operation_id, value FROM records
WHERE number > $1 AND (record_type IN ('event', 'quarantine') OR record_type = 'withheld' AND operation_id <> '')
ORDER BY number LIMIT $2

-- name: sealed_inbox
-- Sealed callbacks.
SELECT number, body FROM callbacks WHERE headers IS NULL AND number > $1 ORDER BY number LIMIT $2

-- name: sealed_outbox
-- Sealed records: JSON does not begin with zero.
SELECT number, value FROM records WHERE get_byte(value, 0) = 0 AND number > $1 ORDER BY number LIMIT $2

-- name: sealed_requests
-- Sealed requests.
SELECT number, payload FROM requests WHERE get_byte(payload, 0) = 0 AND number > $1 ORDER BY number LIMIT $2

-- name: outcomes
-- How many entries became what.
SELECT outcome, count(*) FROM outcomes GROUP BY outcome

-- name: stat_callbacks
-- Callbacks that are in the inbox now.
SELECT count(*) FROM callbacks

-- name: stat_last_callback
-- The highest number that a callback was given.
SELECT greatest((SELECT max(number) FROM callbacks), (SELECT max(callbacks_last) FROM slots))

-- name: stat_interpreted_to
-- The callback up to which everything is interpreted, in all slots.
SELECT coalesce((SELECT min(inbox_to) FROM slots
  WHERE EXISTS (SELECT 1 FROM callbacks WHERE callbacks.slot = slots.slot AND number > inbox_to)), max(inbox_to)) FROM slots

-- name: stat_records
-- Records that are in the outbox now.
SELECT count(*) FROM records

-- name: stat_last_record
-- The highest number that a record was given.
SELECT coalesce(max(last_record) FILTER (WHERE last_record > slot::bigint << 48), 0) FROM slots

-- name: stat_published_to
-- The last record that Kafka is known to have, by the cluster that confirmed last.
SELECT coalesce((SELECT number FROM kafka_memory ORDER BY noted DESC LIMIT 1), 0)

-- name: stat_operations
-- Operations that were ever heard of.
SELECT count(*) FROM operations

-- name: stat_contents
-- Contents by which a duplicate is known.
SELECT count(*) FROM contents

-- name: stat_sealed_callbacks
-- Callbacks that only who has a key can read.
SELECT count(*) FROM callbacks WHERE headers IS NULL

-- name: stat_parts
-- Parts of the inbox.
SELECT count(*) FROM parts WHERE NOT detached

-- name: stat_callbacks_in_no_part
-- Callbacks that came when no part was made for them, and those that stayed when theirs went.
SELECT count(*) FROM callbacks_rest

-- name: stat_callbacks_after_parts
-- Those of them that came after the last part was full: none, where somebody makes the next ones.
SELECT count(*) FROM slots JOIN callbacks_rest USING (slot) WHERE number >= (SELECT coalesce(max(past), 0) FROM parts)

-- name: stat_slots
-- Slots.
SELECT count(*) FROM slots

-- name: stat_search_bytes
-- Tables of the index that things are found by.
SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND c.relkind = 'r' AND starts_with(c.relname, 'search_')

-- name: stat_database_bytes
-- All tables of the journal with their indexes.
SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND c.relkind = 'r'
