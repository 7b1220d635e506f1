-- name: drop_callback
-- Headers and body, and the row.
DELETE FROM callbacks WHERE number = ?

-- name: drop_answer
-- What an API said.
DELETE FROM requests WHERE number = ? AND request_type = 'poll'

-- name: drop_reject
-- One of the sample.
DELETE FROM rejects WHERE number = ?

-- name: stop_watching
-- Closed and not forgotten: a list of the provider's would have it asked for again.
UPDATE watched SET state = 'closed', due_us = 4611686018427387904, why = '', digest = x'' WHERE source = ? AND operation_id = ?

-- name: empty_record
-- Another in the place of a record.
INSERT OR REPLACE INTO records (number, record_type, record_id, provider, source, account, family, kind, operation_id,
  status, effective, received_at, callback, traceparent, value, publish, simulated)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: empty_digests
-- Digests of payloads; the ids of the events stay, by which a repeated content is known.
UPDATE contents SET payload_digest = x'' WHERE operation IN (SELECT id FROM operations WHERE key = ?)

-- name: close_quarantine
-- Nothing is left that could be read again.
UPDATE quarantine SET state = 'closed', why = ? WHERE store = ? AND number = ? AND state = 'open'

-- name: note
-- The act.
INSERT INTO erasures (operation, erased_at_us, who, reason, what) VALUES (?, ?, ?, ?, ?)

-- name: acts
-- All of them, in their order.
SELECT operation, erased_at_us, who, reason, what FROM erasures ORDER BY number
