-- name: events_above
-- Events of a slot that are undone: not on Kafka, and others stand at their numbers there.
SELECT number, record_type, record_id, provider, source, account, family, kind, operation_id, status, effective,
  received_at, callback, traceparent, value, publish, simulated
FROM records WHERE number > $1 AND number <= $2 AND record_type = 'event' ORDER BY number

-- name: events_of
-- The events that an operation had before, in order; in the place of one that Kafka refused stands no event.
SELECT number, record_type, record_id, provider, source, account, family, kind, operation_id, status, effective,
  received_at, callback, traceparent, value, publish, simulated FROM records WHERE number IN
  (SELECT record FROM contents WHERE operation = $1) AND record_type = 'event' ORDER BY number

-- name: first_outcome_above
-- The first entry of a store whose record is undone: from there it is interpreted again.
SELECT min(number) FROM outcomes WHERE slot = $1 AND store = $2 AND record > $3

-- name: undo_outcomes
-- What became of the entries of a store above a number, which are interpreted again.
DELETE FROM outcomes WHERE slot = $1 AND store = $2 AND number > $3

-- name: undo_contents
-- Contents of events that are undone: they are news again.
DELETE FROM contents WHERE record > $1 AND record <= $2

-- name: undo_records
-- The records that are undone, of whatever type.
DELETE FROM records WHERE number > $1 AND number <= $2

-- name: drop_operation
-- An operation of which no event is left: its next one is its first.
DELETE FROM operations WHERE id = $1
