-- name: mark_sealed
-- So that a release from before seals refuses the store: it would take what is sealed for a body.
UPDATE meta SET value = value + ?1 WHERE key = 'format_version' AND value < ?1

-- name: last_number
-- The highest number of a data key.
SELECT coalesce(max(number), 0) FROM data_keys

-- name: add
-- A new data key.
INSERT INTO data_keys (number, day, key_id, wrapped) VALUES (?, ?, ?, ?)

-- name: of_day
-- The newest data key of a day under one master key.
SELECT number, day, key_id, wrapped FROM data_keys WHERE day = ? AND key_id = ? ORDER BY number DESC LIMIT 1

-- name: one
-- One data key.
SELECT number, day, key_id, wrapped FROM data_keys WHERE number = ?

-- name: all
-- All of them.
SELECT number, day, key_id, wrapped FROM data_keys ORDER BY number

-- name: key_ids
-- Which master keys are needed.
SELECT DISTINCT key_id FROM data_keys

-- name: rewrap
-- The same data key under another master key.
UPDATE data_keys SET key_id = ?, wrapped = ? WHERE number = ?
