-- name: next_number
-- Whoever comes next waits for the end of this transaction, so numbers become visible in their order.
UPDATE counters SET last = last + 1 WHERE name = 'requests' RETURNING last

-- name: add
-- One request.
INSERT INTO requests (number, slot, request_type, made_at_us, payload) VALUES ($1, $2, $3, $4, $5)

-- name: read
-- The next requests in their order.
SELECT number, request_type, made_at_us, payload FROM requests
WHERE number > $1 AND ($3::smallint IS NULL OR slot = $3) ORDER BY number LIMIT $2

-- name: last_number
-- The highest number ever given, also when its request was purged.
SELECT last FROM counters WHERE name = 'requests'
