-- name: add
-- One request, whose number it gets here.
INSERT INTO requests (request_type, made_at_us, payload) VALUES (?, ?, ?) RETURNING number

-- name: add_numbered
-- One request that is sealed, and so bound to a number that was chosen in the same transaction.
INSERT INTO requests (number, request_type, made_at_us, payload) VALUES (?, ?, ?, ?)

-- name: read
-- The next requests in their order.
SELECT number, request_type, made_at_us, payload FROM requests WHERE number > ? ORDER BY number LIMIT ?

-- name: last_number
-- The highest number ever given, also when its request was purged.
SELECT seq FROM sqlite_sequence WHERE name = 'requests'
