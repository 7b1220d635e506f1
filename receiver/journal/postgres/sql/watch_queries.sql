-- name: read_to
-- How far the outbox was looked through, or when a scan was last begun that was read whole.
SELECT value FROM looked WHERE source = $1 AND name = $2

-- name: set_read_to
-- The same, set.
INSERT INTO looked (source, name, value) VALUES ($1, $2, $3)
ON CONFLICT (source, name) DO UPDATE SET value = excluded.value

-- name: open_watch
-- A new operation, or news of a known one: due then, unless it is due before; reopened only where that is said.
INSERT INTO watched AS kept (source, operation_id, since_us, due_us, state, asked_us, failures, why, digest)
VALUES ($1, $2, $3, $4, 'open', 0, 0, '', '')
ON CONFLICT (source, operation_id) DO UPDATE SET
  due_us = CASE WHEN kept.state = 'closed' AND NOT $5::boolean THEN kept.due_us ELSE least(kept.due_us, $4) END,
  state = CASE WHEN kept.state = 'closed' AND NOT $5::boolean THEN 'closed' ELSE 'open' END

-- name: forget
-- Over long ago, by a callback's word.
DELETE FROM watched WHERE source = $1 AND operation_id = $2

-- name: due
-- Open operations that are due; those that failed least first.
SELECT source, operation_id, since_us, due_us, state, asked_us, failures, why FROM watched
WHERE source = $1 AND state = 'open' AND due_us <= $2 ORDER BY failures, due_us, operation_id LIMIT $3

-- name: open_ids
-- All open operations of a source.
SELECT operation_id FROM watched WHERE source = $1 AND state = 'open'

-- name: digest
-- What the last answer about an operation said, by its digest.
SELECT digest FROM watched WHERE source = $1 AND operation_id = $2 FOR UPDATE

-- name: answered
-- An answer about an operation, whether it was watched before or not; what failed before is forgotten.
INSERT INTO watched (source, operation_id, since_us, due_us, state, asked_us, failures, why, digest)
VALUES ($1, $2, $3, $4, $5, $3, 0, '', $6)
ON CONFLICT (source, operation_id) DO UPDATE SET
  due_us = $4, state = $5, asked_us = $3, failures = 0, why = '', digest = $6

-- name: failed
-- There was no usable answer.
UPDATE watched SET due_us = $3, state = $4, failures = failures + 1, why = $5 WHERE source = $1 AND operation_id = $2

-- name: next_nonce
-- The next nonce of a key, which is given away by being written.
INSERT INTO nonces AS kept (api_key, last) VALUES ($1, $2)
ON CONFLICT (api_key) DO UPDATE SET last = greatest(kept.last + 1, $2)
RETURNING last

-- name: counts
-- Open operations of a source, and those of them that were first heard of before a time.
SELECT count(*), count(*) FILTER (WHERE since_us < $2) FROM watched WHERE source = $1 AND state = 'open'

-- name: listed
-- For people: all that are not closed, the oldest first.
SELECT source, operation_id, since_us, due_us, state, asked_us, failures, why FROM watched
WHERE state <> 'closed' ORDER BY since_us, source, operation_id LIMIT $1

-- name: discover
-- Operations that a list named, unless they are known.
INSERT INTO watched (source, operation_id, since_us, due_us, state, asked_us, failures, why, digest)
SELECT $1, id, $3, $3, 'open', 0, 0, '', '' FROM unnest($2::text[]) AS named(id)
ON CONFLICT DO NOTHING RETURNING 1

-- name: forget_closed
-- Operations that were over before a time.
DELETE FROM watched WHERE state <> 'open' AND greatest(asked_us, since_us) < $1

-- name: old_answers
-- A slot's answers from before a time that are interpreted.
SELECT number FROM requests WHERE request_type = 'poll' AND made_at_us < $1 AND number <= $2 AND slot = $4
ORDER BY number LIMIT $3

-- name: purge_answers
-- Answers; what a person asked for stays.
DELETE FROM requests WHERE number = ANY($1::bigint[]) AND request_type = 'poll'
