-- name: read_to
SELECT value FROM looked WHERE source = ? AND name = ?

-- name: set_read_to
INSERT OR REPLACE INTO looked (source, name, value) VALUES (?, ?, ?)

-- name: open_watch
-- A new operation, or news of a known one: due then, unless it is due before; reopened only where that is said.
INSERT INTO watched (source, operation_id, since_us, due_us, state, asked_us, failures, why, digest)
VALUES (?1, ?2, ?3, ?4, 'open', 0, 0, '', x'')
ON CONFLICT (source, operation_id) DO UPDATE SET
  due_us = CASE WHEN state = 'closed' AND ?5 = 0 THEN due_us ELSE min(due_us, ?4) END,
  state = CASE WHEN state = 'closed' AND ?5 = 0 THEN 'closed' ELSE 'open' END

-- name: forget
-- Over long ago, by a callback's word: nothing is asked about it, and nothing need be kept.
DELETE FROM watched WHERE source = ? AND operation_id = ?

-- name: due
SELECT source, operation_id, since_us, due_us, state, asked_us, failures, why FROM watched
WHERE source = ? AND state = 'open' AND due_us <= ? ORDER BY failures, due_us LIMIT ?

-- name: open_ids
SELECT operation_id FROM watched WHERE source = ? AND state = 'open'

-- name: digest
SELECT digest FROM watched WHERE source = ? AND operation_id = ?

-- name: answered
INSERT INTO watched (source, operation_id, since_us, due_us, state, asked_us, failures, why, digest)
VALUES (?1, ?2, ?3, ?4, ?5, ?3, 0, '', ?6)
ON CONFLICT (source, operation_id) DO UPDATE SET
  due_us = ?4, state = ?5, asked_us = ?3, failures = 0, why = '', digest = ?6

-- name: failed
UPDATE watched SET due_us = ?3, state = ?4, failures = failures + 1, why = ?5 WHERE source = ?1 AND operation_id = ?2

-- name: next_nonce
INSERT INTO nonces (api_key, last) VALUES (?1, ?2)
ON CONFLICT (api_key) DO UPDATE SET last = max(last + 1, ?2)
RETURNING last

-- name: counts
SELECT count(*), coalesce(sum(since_us < ?2), 0) FROM watched WHERE source = ?1 AND state = 'open'

-- name: listed
SELECT source, operation_id, since_us, due_us, state, asked_us, failures, why FROM watched
WHERE state <> 'closed' ORDER BY since_us LIMIT ?

-- name: discover
INSERT OR IGNORE INTO watched (source, operation_id, since_us, due_us, state, asked_us, failures, why, digest)
VALUES (?1, ?2, ?3, ?3, 'open', 0, 0, '', x'')

-- name: forget_closed
DELETE FROM watched WHERE state <> 'open' AND max(asked_us, since_us) < ?

-- name: old_answers
SELECT number FROM requests WHERE request_type = 'poll' AND made_at_us < ? AND number <= ? ORDER BY number LIMIT ?

-- name: purge_answer
DELETE FROM requests WHERE number = ? AND request_type = 'poll'

-- name: add_request
INSERT INTO requests (request_type, made_at_us, payload) VALUES ('poll', ?, ?)
