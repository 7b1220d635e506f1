-- name: events_above
-- Events that are undone: not on Kafka, and others stand at their numbers there.
SELECT number, record_type, record_id, provider, source, account, family, kind, operation_id, status, effective,
  received_at, callback, traceparent, value, publish, simulated FROM records WHERE number > ? AND record_type = 'event' ORDER BY number

-- name: events_of
-- The events that an operation had before, in order; in the place of one that Kafka refused stands no event.
SELECT number, record_type, record_id, provider, source, account, family, kind, operation_id, status, effective,
  received_at, callback, traceparent, value, publish, simulated FROM records WHERE number IN
  (SELECT record FROM contents WHERE operation = ?) AND record_type = 'event' ORDER BY number

-- name: first_outcome_above
-- The first callback whose record is undone: from there the inbox is interpreted again.
SELECT min(number) FROM outcomes WHERE store = 'inbox' AND record > ?

-- name: first_poll_above
-- The same for what a provider's API said: from there the requests are carried out again, which is safe to repeat.
SELECT min(number) FROM outcomes WHERE store = 'requests' AND record > ?

-- name: undo_outcomes
-- What became of the entries of a store above a number, which are interpreted again.
DELETE FROM outcomes WHERE store = ? AND number > ?

-- name: undo_contents
-- Contents of events that are undone: they are news again.
DELETE FROM contents WHERE record > ?

-- name: undo_records
-- The records that are undone, of whatever type.
DELETE FROM records WHERE number > ?

-- name: put_record
-- A record that Kafka holds, in the place of ours.
INSERT OR REPLACE INTO records (number, record_type, record_id, provider, source, account, family, kind, operation_id,
  status, effective, received_at, callback, traceparent, value, publish, simulated)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: drop_operation
-- An operation of which no event is left: its next one is its first.
DELETE FROM operations WHERE id = ?

-- name: drop_contents
-- What such an operation still has of events that were refused: its number is soon another's.
DELETE FROM contents WHERE operation = ?

-- name: leave_outcomes
-- What became of its entries stays, and is nobody's then.
UPDATE outcomes SET operation = NULL WHERE operation = ?
