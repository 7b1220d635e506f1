-- name: progress
-- How far one store has been interpreted.
SELECT number, digest FROM progress WHERE store = ?

-- name: set_progress
-- How far one store has been interpreted, and the digest of its entry there.
INSERT OR REPLACE INTO progress (store, number, digest) VALUES (?, ?, ?)

-- name: last_number
-- The highest number ever given, also when its record was purged.
SELECT seq FROM sqlite_sequence WHERE name = 'records'

-- name: operations
-- The states of operations, by a JSON list of their numbers.
SELECT id, sequence, provider_status, rank, terminal, updated_at, arrival, event_id, revisions, key,
  forgotten FROM operations WHERE id IN (SELECT value FROM json_each(?))

-- name: contents
-- The contents of operations that became events, oldest first, by a JSON list of their ids.
SELECT operation, event_id, payload_digest, record FROM contents WHERE operation IN (SELECT value FROM json_each(?))
ORDER BY record

-- name: put_operation
-- A new operation, or the new state of a known one.
INSERT INTO operations
  (id, key, key_hash, sequence, provider_status, rank, terminal, updated_at, arrival, event_id, revisions)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence, provider_status = excluded.provider_status,
  rank = excluded.rank, terminal = excluded.terminal, updated_at = excluded.updated_at, arrival = excluded.arrival,
  event_id = excluded.event_id, revisions = excluded.revisions

-- name: add_content
-- A content that became an event; the same again names the newer record.
INSERT OR REPLACE INTO contents (operation, event_id, payload_digest, record, seen_on) VALUES (?, ?, ?, ?, ?)

-- name: purgeable_contents
-- Contents of a certain age. One whose event Kafka refused stays: a redrive asks for it.
SELECT operation, event_id, payload_digest, record FROM contents WHERE seen_on < ? AND NOT EXISTS
  (SELECT 1 FROM records WHERE number = record AND record_type <> 'event') LIMIT ?

-- name: forgotten
-- The marks that operations have already, by a JSON list of their ids.
SELECT id, forgotten FROM operations WHERE id IN (SELECT value FROM json_each(?))

-- name: set_forgotten
-- What stays of an operation's contents that go.
UPDATE operations SET forgotten = ? WHERE id = ?

-- name: purge_content
-- One content that retention lets go.
DELETE FROM contents WHERE operation = ? AND event_id = ?

-- name: purgeable_records
-- Published events of a certain age; the last published record stays, since Kafka's position names it.
SELECT number, callback FROM records WHERE number < ?1 AND received_at < ?2 AND record_type = 'event' ORDER BY number LIMIT ?3

-- name: purge_record
-- One record that retention lets go.
DELETE FROM records WHERE number = ?

-- name: purge_outcomes
-- Of callbacks up to one whose event has gone: the older ones were settled before it.
DELETE FROM outcomes WHERE store = 'inbox' AND number <= ? AND outcome <> 'quarantine'

-- name: purge_poll_outcomes
-- Of answers of an API whose event has gone.
DELETE FROM outcomes WHERE store = 'requests' AND record <= ? AND outcome <> 'quarantine'

-- name: purged_to
-- So that `journal check` does not miss the outcomes of older callbacks. Never less: where only answers of an API went
-- there is no callback to name.
INSERT INTO meta (key, value) VALUES ('outcomes_purged_to', ?)
ON CONFLICT (key) DO UPDATE SET value = max(value, excluded.value)

-- name: outcomes_between
-- What became of a range of callbacks.
SELECT store, outcomes.number, outcome, record, key FROM outcomes LEFT JOIN operations ON operations.id = operation
WHERE store = 'inbox' AND outcomes.number BETWEEN ? AND ?

-- name: duplicates
-- Callbacks that say what another callback said, through an index of their own: by itself SQLite would read all outcomes.
SELECT number FROM outcomes INDEXED BY outcomes_duplicates WHERE store = 'inbox' AND outcome = 'duplicate' AND number > ? AND NOT EXISTS
  (SELECT 1 FROM records WHERE records.number = outcomes.record AND callback IS NULL) ORDER BY number LIMIT ?

-- name: settled
-- What became of a callback: its outcome and record; no row where it was interpreted and its outcome purged.
SELECT outcome, record FROM outcomes WHERE store = 'inbox' AND number = ?

-- name: record_time
-- When the callback of the next record was received, for the age of what waits.
SELECT received_at FROM records WHERE number > ? ORDER BY number LIMIT 1

-- name: add_record
-- A new record, with the number that the interpreter counted.
INSERT INTO records (number, record_type, record_id, provider, source, account, family, kind, operation_id, status,
  effective, received_at, callback, traceparent, value, publish, simulated)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: replace_record
-- Kafka refuses the record of this number for good: another takes its place.
REPLACE INTO records (number, record_type, record_id, provider, source, account, family, kind, operation_id, status,
  effective, received_at, callback, traceparent, value, publish, simulated)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: quarantine_outcome
-- What Kafka refused as an event counts as quarantined.
UPDATE outcomes SET outcome = 'quarantine' WHERE store = ? AND number = ? AND outcome = 'event'

-- name: request_of
-- The answer of an API that became this record.
SELECT number FROM outcomes WHERE store = 'requests' AND record = ? AND outcome = 'event'

-- name: add_outcome
-- A redriven entry's newer outcome replaces its older one.
INSERT OR REPLACE INTO outcomes (store, number, outcome, record, operation) VALUES (?, ?, ?, ?, ?)

-- name: records
-- The next records to publish, or to show.
SELECT number, record_type, record_id, provider, source, account, family, kind, operation_id, status, effective,
  received_at, callback, traceparent, value, publish, simulated FROM records WHERE number > ? ORDER BY number LIMIT ?

-- name: put_quarantine
-- A newer standing; the number of the quarantine record stays where the newer one has none.
INSERT INTO quarantine (store, number, source, reason, detail, received_at, state, why, record)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (store, number) DO UPDATE SET reason = excluded.reason, detail = excluded.detail, state = excluded.state,
  why = excluded.why, record = coalesce(excluded.record, record)

-- name: quarantined
-- Where one entry stands, if it is or was in quarantine.
SELECT store, number, source, reason, detail, received_at, state, why, record FROM quarantine
WHERE store = ? AND number = ?

-- name: in_quarantine_between
-- Callbacks that nobody could read until now, also where a person has ended them.
SELECT number FROM quarantine WHERE store = 'inbox' AND number BETWEEN ? AND ? AND state <> 'redriven'

-- name: count_field
-- At most so many names a source; what comes above that is counted under one name.
INSERT INTO drift (source, field, callbacks, first_seen)
SELECT ?1, CASE WHEN (SELECT count(*) FROM drift WHERE source = ?1) < ?5
                  OR EXISTS (SELECT 1 FROM drift WHERE source = ?1 AND field = ?2) THEN ?2 ELSE ?6 END, ?3, ?4
WHERE true
ON CONFLICT (source, field) DO UPDATE SET callbacks = callbacks + excluded.callbacks

-- name: note_source
-- A source was heard of; never goes back.
INSERT INTO heard (source, last_us) VALUES (?1, ?2)
ON CONFLICT (source) DO UPDATE SET last_us = max(last_us, excluded.last_us)

-- name: last_heard
-- Every source that was ever heard of.
SELECT source, last_us FROM heard

-- name: record_id
-- The id of one record, to compare with what Kafka says.
SELECT record_id FROM records WHERE number = ?

-- name: remembered
-- The position that one cluster last confirmed.
SELECT number, record_id FROM kafka_memory WHERE cluster_id = ?

-- name: latest_remembered
-- The position that was confirmed last, by whatever cluster.
SELECT cluster_id, number, record_id FROM kafka_memory ORDER BY rowid DESC LIMIT 1

-- name: remember
-- The position that a cluster confirmed; a row that is replaced gets the highest rowid.
INSERT OR REPLACE INTO kafka_memory (cluster_id, number, record_id) VALUES (?, ?, ?)

-- name: topic_partitions
-- In meta, which is read and written as it is in outboxes of this format made before; ? is the cluster's id and '/'.
SELECT substr(key, length('partitions:' || ?1) + 1), value FROM meta
WHERE substr(key, 1, length('partitions:' || ?1)) = 'partitions:' || ?1

-- name: note_topic_partitions
-- How many partitions a topic's keys are spread over; ? is the cluster's id, '/' and the topic.
INSERT OR REPLACE INTO meta (key, value) VALUES ('partitions:' || ?, ?)
