-- name: outbox_format
-- Of an outbox; what else a file may be is said by those who open it.
SELECT value FROM meta WHERE key = 'format_version' AND EXISTS (SELECT 1 FROM meta WHERE key = 'store' AND value = 'outbox')

-- name: outbox_set_aside
-- Before the tables of today are made; what format 1 had is copied afterwards.
ALTER TABLE operations RENAME TO operations_1

-- name: outbox_copy
-- Format 1 found operations by their keys.
INSERT INTO operations
  (id, key, key_hash, sequence, provider_status, rank, terminal, updated_at, arrival, event_id, revisions)
SELECT id, key, key_hash(key), sequence, provider_status, rank, terminal, updated_at, arrival, event_id, revisions
FROM operations_1 ORDER BY id;
DROP TABLE operations_1

-- name: outbox_index
-- Format 2 found them by an index of operations, which is read here in its order.
INSERT INTO operation_keys (key_hash, operation) SELECT key_hash, id FROM operations ORDER BY key_hash, id;
DROP INDEX IF EXISTS operations_by_key_hash;
INSERT OR REPLACE INTO meta (key, value) SELECT 'keys_indexed_to', coalesce(max(id), 0) FROM operations;
UPDATE meta SET value = 3 WHERE key = 'format_version'

-- name: outbox_set_quarantine_aside
-- Up to format 3 an API's answer had the number of its request below zero.
ALTER TABLE quarantine RENAME TO quarantine_3

-- name: outbox_quarantine
-- The sign of the number becomes the name of the store.
INSERT INTO quarantine (store, number, source, reason, detail, received_at, state, why, record)
SELECT CASE WHEN number < 0 THEN 'requests' ELSE 'inbox' END, abs(number), source, reason, detail, received_at, state, why,
  record FROM quarantine_3;
DROP TABLE quarantine_3;
UPDATE meta SET value = 4 WHERE key = 'format_version'

-- name: outbox_simulated
-- Up to format 4 nobody said of a callback that it was simulated.
ALTER TABLE records ADD COLUMN simulated INTEGER NOT NULL DEFAULT 0;
UPDATE meta SET value = 5 WHERE key = 'format_version'

-- name: outbox_add_forgotten
-- Up to format 4 nothing stayed of a content that retention had taken.
ALTER TABLE operations ADD COLUMN forgotten BLOB NOT NULL DEFAULT x''

-- name: outbox_forgotten
-- Of operations with more events than contents some are lost; that is all that can be known of them. The index is new too.
UPDATE operations SET forgotten = zeroblob(8)
WHERE sequence > (SELECT count(*) FROM contents WHERE contents.operation = operations.id);
CREATE INDEX IF NOT EXISTS outcomes_duplicates ON outcomes (number) WHERE store = 'inbox' AND outcome = 'duplicate';
UPDATE meta SET value = 5 WHERE key = 'format_version'
