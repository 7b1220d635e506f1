-- name: operations_by_id
-- By the provider's id, the key's last part, with the colon before it, as bytes: LIKE would take letters of either case
-- for the same, and texts end for SQLite's functions at the first zero byte.
SELECT id, key FROM operations WHERE substr(CAST(key AS BLOB), -length(?1)) = ?1 ORDER BY id LIMIT ?2

-- name: arrivals
-- What became of each entry about one operation: callbacks in order of receipt, then answers of the provider's API.
SELECT store, number, outcome, record, (SELECT key FROM operations WHERE id = ?1) FROM outcomes WHERE operation = ?1
ORDER BY store, number

-- name: records_of
-- The records of an operation, by the contents that became them.
SELECT record FROM contents WHERE operation = ? ORDER BY record

-- name: record
-- One record, whole.
SELECT number, record_type, record_id, provider, source, account, family, kind, operation_id, status, effective,
  received_at, callback, traceparent, value, publish, simulated FROM records WHERE number = ?

-- name: quarantine
-- Standings above an entry, callbacks first, by number.
SELECT store, number, source, reason, detail, received_at, state, why, record FROM quarantine
WHERE (store, number) > (?1, ?2) AND (?3 IS NULL OR source = ?3) AND (?4 IS NULL OR reason = ?4)
  AND (?5 IS NULL OR received_at >= ?5) AND (?6 IS NULL OR received_at < ?6) AND (?7 IS NULL OR state = ?7)
ORDER BY store, number LIMIT ?8

-- name: drift
-- Fields that mean nothing to us, the most frequent of each source first.
SELECT source, field, callbacks, first_seen FROM drift ORDER BY source, callbacks DESC, field
