-- name: is_format_1
-- What else a file may be is said by those who open it.
SELECT 1 FROM meta WHERE key = 'format_version' AND value = 1 AND EXISTS (SELECT 1 FROM meta WHERE key = 'store' AND value = 'outbox')

-- name: outbox_set_aside
ALTER TABLE operations RENAME TO operations_1

-- name: outbox_copy
-- Format 1 found operations by their keys.
INSERT INTO operations
  (id, key, key_hash, sequence, provider_status, rank, terminal, updated_at, arrival, event_id, revisions)
SELECT id, key, key_hash(key), sequence, provider_status, rank, terminal, updated_at, arrival, event_id, revisions
FROM operations_1 ORDER BY id;
DROP TABLE operations_1;
UPDATE meta SET value = 2 WHERE key = 'format_version'
