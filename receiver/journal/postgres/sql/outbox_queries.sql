-- name: stands
-- How far each slot is. Without a slot: that of which most is left to do, and the highest record of all.
SELECT inbox_to, inbox_digest, requests_to, requests_digest, last_record FROM slots WHERE slot = $1

-- name: stands_merged
-- The same of all slots as one: up to where everything is interpreted, and the last record of any.
WITH behind AS (SELECT inbox_to, inbox_digest FROM slots
    WHERE EXISTS (SELECT 1 FROM callbacks WHERE callbacks.slot = slots.slot AND number > inbox_to)),
  least_read AS (SELECT inbox_to, inbox_digest FROM behind ORDER BY inbox_to LIMIT 1),
  most_read AS (SELECT inbox_to, inbox_digest FROM slots ORDER BY inbox_to DESC LIMIT 1),
  read AS (SELECT * FROM least_read UNION ALL SELECT * FROM most_read WHERE NOT EXISTS (SELECT 1 FROM least_read))
SELECT read.inbox_to, read.inbox_digest, asked.requests_to, asked.requests_digest,
  (SELECT coalesce(max(last_record) FILTER (WHERE last_record > slot::bigint << 48), 0) FROM slots)
FROM read, (SELECT requests_to, requests_digest FROM slots ORDER BY requests_to DESC LIMIT 1) AS asked

-- name: claim
-- Its row stays locked to the end of the transaction: whoever held the slot before waits here, and finds another epoch.
SELECT epoch, inbox_to, inbox_digest, requests_to, requests_digest, last_record FROM slots WHERE slot = $1 FOR UPDATE

-- name: move
-- Where the slot stands after a batch; also a sign of life.
UPDATE slots SET inbox_to = $2, inbox_digest = $3, requests_to = $4, requests_digest = $5, last_record = $6,
  renewed_at = CASE WHEN holder IS NULL THEN renewed_at ELSE clock_timestamp() END
WHERE slot = $1

-- name: operations
-- The states of operations, by the digests of their keys.
SELECT id, sequence, provider_status, rank, terminal, updated_at, arrival, event_id, revisions, key, forgotten
FROM operations WHERE key_digest = ANY($1::bytea[])

-- name: contents
-- Their contents, the oldest first.
SELECT operation, event_id, payload_digest, record FROM contents WHERE operation = ANY($1::bigint[]) ORDER BY record

-- name: operation_ids
-- Which of them are known.
SELECT id, key FROM operations WHERE key_digest = ANY($1::bytea[])

-- name: put_operations
-- New ones in the order in which they came, and new states of known ones.
INSERT INTO operations (key_digest, key, sequence, provider_status, rank, terminal, updated_at, arrival, event_id, revisions)
SELECT d, k, s, p, r, t, u, a, e, v FROM unnest($1::bytea[], $2::text[], $3::bigint[], $4::text[], $5::integer[],
  $6::boolean[], $7::text[], $8::bigint[], $9::text[], $10::text[])
  WITH ORDINALITY AS given(d, k, s, p, r, t, u, a, e, v, place) ORDER BY place
ON CONFLICT (key_digest) DO UPDATE SET sequence = excluded.sequence, provider_status = excluded.provider_status,
  rank = excluded.rank, terminal = excluded.terminal, updated_at = excluded.updated_at, arrival = excluded.arrival,
  event_id = excluded.event_id, revisions = excluded.revisions
RETURNING id, key

-- name: add_records
-- New ones, with the numbers that the interpreter counted.
INSERT INTO records (number, record_type, record_id, provider, source, account, family, kind, operation_id, status,
  effective, received_at, callback, traceparent, value, publish, simulated)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
  $9::text[], $10::text[], $11::boolean[], $12::text[], $13::bigint[], $14::text[], $15::bytea[], $16::boolean[],
  $17::boolean[])

-- name: put_records
-- The same in the place of those with their numbers.
INSERT INTO records (number, record_type, record_id, provider, source, account, family, kind, operation_id, status,
  effective, received_at, callback, traceparent, value, publish, simulated)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
  $9::text[], $10::text[], $11::boolean[], $12::text[], $13::bigint[], $14::text[], $15::bytea[], $16::boolean[],
  $17::boolean[])
ON CONFLICT (number) DO UPDATE SET record_type = excluded.record_type, record_id = excluded.record_id,
  provider = excluded.provider, source = excluded.source, account = excluded.account, family = excluded.family,
  kind = excluded.kind, operation_id = excluded.operation_id, status = excluded.status, effective = excluded.effective,
  received_at = excluded.received_at, callback = excluded.callback, traceparent = excluded.traceparent,
  value = excluded.value, publish = excluded.publish, simulated = excluded.simulated

-- name: put_contents
-- Contents that became an event; the same again names the newer record.
INSERT INTO contents (operation, event_id, payload_digest, record, seen_on)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::bytea[], $4::bigint[], $5::text[])
ON CONFLICT (operation, event_id) DO UPDATE SET payload_digest = excluded.payload_digest, record = excluded.record,
  seen_on = excluded.seen_on

-- name: put_outcomes
-- A redriven entry's newer outcome replaces its older one.
INSERT INTO outcomes (slot, store, number, outcome, record, operation)
SELECT $1::smallint, s, n, o, r, p
FROM unnest($2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[]) AS given(s, n, o, r, p)
ON CONFLICT (store, number) DO UPDATE SET slot = excluded.slot, outcome = excluded.outcome, record = excluded.record,
  operation = excluded.operation

-- name: put_quarantine
-- A newer standing; the number of the quarantine record stays where the newer one has none.
INSERT INTO quarantine AS kept (store, number, source, reason, detail, received_at, state, why, record)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (store, number) DO UPDATE SET reason = excluded.reason, detail = excluded.detail, state = excluded.state,
  why = excluded.why, record = coalesce(excluded.record, kept.record)

-- name: note_source
-- A source was heard of; never goes back.
INSERT INTO heard AS kept (slot, source, last_us) VALUES ($1, $2, $3)
ON CONFLICT (slot, source) DO UPDATE SET last_us = greatest(kept.last_us, excluded.last_us)

-- name: count_field
-- At most so many names a source; what comes above that is counted under one name.
INSERT INTO drift AS kept (slot, source, field, callbacks, first_seen)
SELECT $1, $2, CASE WHEN (SELECT count(*) FROM drift WHERE slot = $1 AND source = $2) < $6::bigint
  OR EXISTS (SELECT 1 FROM drift WHERE slot = $1 AND source = $2 AND field = $3) THEN $3 ELSE $7 END, $4, $5
ON CONFLICT (slot, source, field) DO UPDATE SET callbacks = kept.callbacks + excluded.callbacks

-- name: quarantine_outcome
-- What Kafka refused as an event counts as quarantined.
UPDATE outcomes SET outcome = 'quarantine' WHERE store = $1 AND number = $2 AND outcome = 'event'

-- name: records
-- The next records to publish, or to show: as many as have values of so many bytes together, and at least one.
SELECT number, record_type, record_id, provider, source, account, family, kind, operation_id, status, effective,
  received_at, callback, traceparent, value, publish, simulated
FROM (SELECT *, sum(octet_length(value)) OVER (ORDER BY number) AS bytes, row_number() OVER (ORDER BY number) AS place
      FROM (SELECT * FROM records WHERE number > $1 AND number <= $2 ORDER BY number LIMIT $3) AS next) AS summed
WHERE bytes <= $4 OR place = 1 ORDER BY number

-- name: quarantined
-- Where entries of a store stand, if they are or were in quarantine.
SELECT store, number, source, reason, detail, received_at, state, why, record FROM quarantine
WHERE store = $1 AND number = ANY($2::bigint[])

-- name: in_quarantine_between
-- Callbacks that nobody could read until now, also where a person has ended them.
SELECT number FROM quarantine WHERE store = 'inbox' AND number BETWEEN $1 AND $2 AND state <> 'redriven'

-- name: record_id
-- The id of one record.
SELECT record_id FROM records WHERE number = $1

-- name: request_of
-- The answer of an API that became this record.
SELECT number FROM outcomes WHERE store = 'requests' AND record = $1 AND outcome = 'event'

-- name: outcomes_between
-- What became of a range of callbacks, of a slot or of all.
SELECT store, outcomes.number, outcome, record, key FROM outcomes LEFT JOIN operations ON operations.id = operation
WHERE store = 'inbox' AND outcomes.number BETWEEN $1 AND $2 AND ($3::smallint IS NULL OR slot = $3)
ORDER BY outcomes.number

-- name: duplicates
-- Callbacks that say what another callback said, of a slot or of all.
SELECT number FROM outcomes WHERE store = 'inbox' AND outcome = 'duplicate' AND number > $1
  AND ($3::smallint IS NULL OR slot = $3) AND NOT EXISTS
  (SELECT 1 FROM records WHERE records.number = outcomes.record AND callback IS NULL) ORDER BY number LIMIT $2

-- name: record_time
-- When the callback of the next record was received.
SELECT received_at FROM records WHERE number > $1 AND number <= $2 ORDER BY number LIMIT 1

-- name: last_heard
-- Every source that was ever heard of.
SELECT source, max(last_us) FROM heard GROUP BY source

-- name: remembered
-- The position that one cluster last confirmed.
SELECT number, record_id FROM kafka_memory WHERE slot = $1 AND cluster_id = $2

-- name: latest_remembered
-- The position that was confirmed last, by whatever cluster.
SELECT cluster_id, number, record_id FROM kafka_memory WHERE slot = $1 ORDER BY noted DESC LIMIT 1

-- name: remember
-- The position that a cluster confirmed.
INSERT INTO kafka_memory (slot, cluster_id, number, record_id) VALUES ($1, $2, $3, $4)
ON CONFLICT (slot, cluster_id) DO UPDATE SET number = excluded.number, record_id = excluded.record_id, noted = DEFAULT

-- name: topic_partitions
-- What is known of a cluster's topics.
SELECT topic, partitions FROM topic_partitions WHERE cluster_id = $1

-- name: note_topic_partitions
-- How many partitions a topic's keys are spread over.
INSERT INTO topic_partitions (cluster_id, topic, partitions) VALUES ($1, $2, $3)
ON CONFLICT (cluster_id, topic) DO UPDATE SET partitions = excluded.partitions

-- name: unsettled
-- Those callbacks among some that are not interpreted, not published by their slot, or in quarantine; all of them while
-- nothing was ever published.
SELECT wanted.number FROM unnest($1::bigint[]) AS wanted(number)
  LEFT JOIN outcomes ON store = 'inbox' AND outcomes.number = wanted.number
WHERE NOT EXISTS (SELECT 1 FROM kafka_memory AS any_of WHERE any_of.number > any_of.slot::bigint << 48)
  OR outcome = 'quarantine' OR coalesce(record, 0) > coalesce((SELECT kafka_memory.number
    FROM kafka_memory WHERE kafka_memory.slot = outcomes.slot ORDER BY noted DESC LIMIT 1), outcomes.slot::bigint << 48)

-- name: purgeable_records
-- Published events of a certain age.
SELECT number, callback FROM records WHERE number > $1 AND number < $2 AND received_at < $3 AND record_type = 'event'
ORDER BY number LIMIT $4

-- name: purge_records
-- Those that retention lets go.
DELETE FROM records WHERE number = ANY($1::bigint[])

-- name: purge_outcomes
-- Of callbacks up to one whose event has gone.
DELETE FROM outcomes WHERE store = 'inbox' AND slot = $1 AND number <= $2 AND outcome <> 'quarantine'

-- name: purge_poll_outcomes
-- Of answers of an API whose event has gone.
DELETE FROM outcomes WHERE store = 'requests' AND slot = $1 AND record <= $2 AND outcome <> 'quarantine'

-- name: purged_to
-- So that `journal check` does not miss the outcomes of older callbacks.
UPDATE slots SET outcomes_purged_to = greatest(outcomes_purged_to, $2) WHERE slot = $1

-- name: purgeable_contents
-- Contents of a certain age that belong to a slot, by their record. One whose event Kafka refused stays.
SELECT operation, event_id, payload_digest, record FROM contents WHERE seen_on < $1 AND record > $2 AND record <= $3
  AND NOT EXISTS (SELECT 1 FROM records WHERE number = record AND record_type <> 'event') ORDER BY record LIMIT $4

-- name: forgotten
-- The marks that operations have already.
SELECT id, forgotten FROM operations WHERE id = ANY($1::bigint[]) FOR UPDATE

-- name: set_forgotten
-- What stays of an operation's contents that go.
UPDATE operations SET forgotten = $2 WHERE id = $1

-- name: purge_content
-- Contents that retention lets go.
DELETE FROM contents USING unnest($1::bigint[], $2::text[]) AS old(operation, event_id)
WHERE contents.operation = old.operation AND contents.event_id = old.event_id
