-- name: integrity
-- What SQLite itself finds wrong, at most twenty lines; `ok` where nothing is.
PRAGMA integrity_check(20)

-- name: attach_inbox
-- Beside the outbox, by the path of its file, so that one statement reads both.
ATTACH ? AS inbox

-- name: unaccounted
-- Interpreted callbacks without an outcome, but for those so old that their outcomes were purged.
SELECT number FROM inbox.callbacks
WHERE number <= (SELECT coalesce(max(number), 0) FROM progress WHERE store = 'inbox')
  AND number > coalesce((SELECT value FROM meta WHERE key = 'outcomes_purged_to'), 0)
  AND NOT EXISTS (SELECT 1 FROM outcomes WHERE store = 'inbox' AND outcomes.number = callbacks.number)
ORDER BY number LIMIT 20

-- name: without_record
-- Callbacks that became an event or went into quarantine, where the record of it is neither there nor purged.
SELECT outcomes.number, record FROM outcomes LEFT JOIN records ON records.number = outcomes.record
WHERE store = 'inbox' AND outcome <> 'duplicate' AND records.number IS NULL
  AND record >= (SELECT coalesce(min(number), 0) FROM records)
ORDER BY outcomes.number LIMIT 20

-- name: without_key
-- Operations that count as moved to the table of keys and are not in it: their next callback would begin them anew.
SELECT id, key FROM operations
WHERE id <= coalesce((SELECT value FROM meta WHERE key = 'keys_indexed_to'), 0)
  AND NOT EXISTS (SELECT 1 FROM operation_keys AS keys WHERE keys.key_hash = operations.key_hash AND operation = id)
ORDER BY id LIMIT 20

-- name: first_record
-- The oldest record that was not purged.
SELECT min(number) FROM records

-- name: records
-- What the sequences of operations are counted over, in outbox order; some withheld ones stand for no operation.
SELECT number, record_type, provider, account, kind, operation_id, value FROM records
WHERE record_type IN ('event', 'quarantine') OR record_type = 'withheld' AND operation_id <> '' ORDER BY number

-- name: outcomes
-- How many entries became what.
SELECT outcome, count(*) FROM outcomes GROUP BY outcome

-- name: stat_callbacks
-- Callbacks that are in the inbox now.
SELECT count(*) FROM inbox.callbacks

-- name: stat_last_callback
-- The highest number that a callback was given.
SELECT coalesce(max(seq), 0) FROM inbox.sqlite_sequence WHERE name = 'callbacks'

-- name: stat_interpreted_to
-- The last callback that was interpreted.
SELECT coalesce(max(number), 0) FROM progress WHERE store = 'inbox'

-- name: stat_records
-- Records that are in the outbox now.
SELECT count(*) FROM records

-- name: stat_last_record
-- The highest number that a record was given.
SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'records'

-- name: stat_published_to
-- The last record that Kafka is known to have, by the cluster that confirmed last.
SELECT coalesce((SELECT number FROM kafka_memory ORDER BY rowid DESC LIMIT 1), 0)

-- name: stat_operations
-- Operations that were ever heard of.
SELECT count(*) FROM operations

-- name: stat_contents
-- Contents by which a duplicate is known.
SELECT count(*) FROM contents

-- name: sealed_inbox
-- Sealed callbacks.
SELECT number, body FROM callbacks WHERE typeof(headers) = 'integer' ORDER BY number

-- name: sealed_outbox
-- Sealed records: JSON does not begin with zero.
SELECT number, value FROM records WHERE substr(value, 1, 1) = x'00' ORDER BY number

-- name: sealed_requests
-- Sealed requests: a plain one is text.
SELECT number, payload FROM requests WHERE typeof(payload) = 'blob' ORDER BY number

-- name: stat_sealed_callbacks
-- Callbacks that only who has a key can read.
SELECT count(*) FROM inbox.callbacks WHERE typeof(headers) = 'integer'

-- name: stat_plain_up_to
-- The last callback that is there as it came; those after it are sealed, where there is a key.
SELECT coalesce(max(number), 0) FROM inbox.callbacks WHERE typeof(headers) <> 'integer'
