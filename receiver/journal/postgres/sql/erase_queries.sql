-- name: drop_callbacks
-- Headers and bodies, and the rows; their highest number is not forgotten.
WITH gone AS (DELETE FROM callbacks WHERE slot = ANY(ARRAY(SELECT slot FROM slots)) AND number = ANY($1::bigint[])
  RETURNING slot, number)
UPDATE slots SET callbacks_last = greatest(callbacks_last, last)
FROM (SELECT slot, max(number) AS last FROM gone GROUP BY slot) AS of_slots WHERE slots.slot = of_slots.slot

-- name: drop_answers
-- What an API said.
DELETE FROM requests WHERE number = ANY($1::bigint[]) AND request_type = 'poll'

-- name: drop_rejects
-- Of the sample.
DELETE FROM rejects WHERE number = ANY($1::bigint[])

-- name: stop_watching
-- Closed and not forgotten: a list of the provider's would have it asked for again.
UPDATE watched SET state = 'closed', due_us = $3, why = '', digest = '' WHERE source = $1 AND operation_id = $2

-- name: empty_digests
-- Digests of payloads; the ids of the events stay, by which a repeated content is known.
UPDATE contents SET payload_digest = '' WHERE operation = (SELECT id FROM operations WHERE key_digest = $1)

-- name: close_quarantine
-- Nothing is left that could be read again.
UPDATE quarantine SET state = 'closed', why = $1 WHERE store = $2 AND number = ANY($3::bigint[]) AND state = 'open'

-- name: note
-- The act.
INSERT INTO erasures (operation, erased_at_us, who, reason, what) VALUES ($1, $2, $3, $4, $5)

-- name: acts
-- All of them, in their order.
SELECT operation, erased_at_us, who, reason, what FROM erasures ORDER BY number
