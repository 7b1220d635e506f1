-- name: alone
-- Until the end of the transaction, so that two processes give no number twice. Reading goes on.
LOCK TABLE data_keys IN EXCLUSIVE MODE

-- name: last_number
-- The highest number of a store's data keys.
SELECT coalesce(max(number), 0) FROM data_keys WHERE store = $1

-- name: add
-- A new data key.
INSERT INTO data_keys (store, number, day, key_id, wrapped) VALUES ($1, $2, $3, $4, $5)

-- name: of_day
-- The newest data key of a day under one master key.
SELECT number, day, key_id, wrapped FROM data_keys WHERE store = $1 AND day = $2 AND key_id = $3
ORDER BY number DESC LIMIT 1

-- name: one
-- One data key.
SELECT number, day, key_id, wrapped FROM data_keys WHERE store = $1 AND number = $2

-- name: all
-- All of a store.
SELECT number, day, key_id, wrapped FROM data_keys WHERE store = $1 ORDER BY number

-- name: needed
-- Which master keys are needed, and for how many.
SELECT key_id, count(*) FROM data_keys GROUP BY key_id

-- name: rewrap
-- The same data key under another master key.
UPDATE data_keys SET key_id = $3, wrapped = $4 WHERE store = $1 AND number = $2
