-- name: operations_by_id
-- By the provider's id, the key's last part, with the colon before it.
SELECT id, key FROM operations WHERE right(key, length($1)) = $1 ORDER BY id LIMIT $2

-- name: operations_by_prefix
-- By how the provider's id begins: what follows the key's last colon.
SELECT id, key FROM operations WHERE strpos(key, ':' || $1) > 0
  AND starts_with(right(key, strpos(reverse(key), ':') - 1), $1) ORDER BY id LIMIT $2

-- name: events
-- Events by what stands in columns of their own: as many as have values of so many bytes together, and at least one.
SELECT number, record_type, record_id, provider, source, account, family, kind, operation_id, status, effective,
  received_at, callback, traceparent, value, publish, simulated
FROM (SELECT *, sum(octet_length(value)) OVER (ORDER BY number) AS bytes, row_number() OVER (ORDER BY number) AS place
      FROM (SELECT * FROM records
            WHERE number > $1 AND record_type = 'event' AND ($2::text IS NULL OR record_id = $2)
              AND ($3::text IS NULL OR provider = $3) AND ($4::text IS NULL OR source = $4)
              AND ($5::text IS NULL OR family = $5) AND ($6::text IS NULL OR kind = $6)
              AND ($7::text IS NULL OR operation_id = $7) AND ($8::text IS NULL OR status = $8)
              AND ($9::text IS NULL OR received_at >= $9) AND ($10::text IS NULL OR received_at < $10)
            ORDER BY number LIMIT $11) AS next) AS summed
WHERE bytes <= $12 OR place = 1 ORDER BY number

-- name: arrivals
-- What became of each entry about one operation: callbacks in order of receipt, then answers of the provider's API.
SELECT store, number, outcome, record, (SELECT key FROM operations WHERE id = $1) FROM outcomes WHERE operation = $1
ORDER BY store, number

-- name: records_of
-- The records of an operation, by the contents that became them.
SELECT record FROM contents WHERE operation = $1 ORDER BY record

-- name: records
-- Some records, whole.
SELECT number, record_type, record_id, provider, source, account, family, kind, operation_id, status, effective,
  received_at, callback, traceparent, value, publish, simulated FROM records WHERE number = ANY($1::bigint[])

-- name: quarantine
-- Standings above an entry, callbacks first, by number.
SELECT store, number, source, reason, detail, received_at, state, why, record FROM quarantine
WHERE (store, number) > ($1, $2) AND ($3::text IS NULL OR source = $3) AND ($4::text IS NULL OR reason = $4)
  AND ($5::text IS NULL OR received_at >= $5) AND ($6::text IS NULL OR received_at < $6)
  AND ($7::text IS NULL OR state = $7)
ORDER BY store, number LIMIT $8

-- name: drift
-- Fields that mean nothing to us, of all slots, the most frequent of each source first.
SELECT source, field, sum(callbacks)::bigint, min(first_seen) FROM drift GROUP BY source, field
ORDER BY source, sum(callbacks) DESC, field
