-- name: operations_by_id
-- By the provider's id, the key's last part, with the colon before it, as bytes: LIKE would take letters of either case
-- for the same, and texts end for SQLite's functions at the first zero byte.
SELECT id, key FROM operations WHERE substr(CAST(key AS BLOB), -length(?1)) = ?1 ORDER BY id LIMIT ?2

-- name: operations_by_prefix
-- By how the provider's id begins, the key's last part: what is left of the key without all up to its last colon.
SELECT id, key FROM operations WHERE instr(key, ':' || ?1) > 0
  AND substr(key, length(rtrim(key, replace(key, ':', ''))) + 1, length(?1)) = ?1 ORDER BY id LIMIT ?2

-- name: events
-- Events of a stretch of numbers, by what stands in columns of their own.
SELECT number, record_type, record_id, provider, source, account, family, kind, operation_id, status, effective,
  received_at, callback, traceparent, value, publish, simulated FROM records
WHERE number > ?1 AND number <= ?2 AND record_type = 'event' AND (?3 IS NULL OR record_id = ?3)
  AND (?4 IS NULL OR provider = ?4) AND (?5 IS NULL OR source = ?5) AND (?6 IS NULL OR family = ?6)
  AND (?7 IS NULL OR kind = ?7) AND (?8 IS NULL OR operation_id = ?8) AND (?9 IS NULL OR status = ?9)
  AND (?10 IS NULL OR received_at >= ?10) AND (?11 IS NULL OR received_at < ?11)
ORDER BY number LIMIT ?12

-- name: last_record
-- The highest number ever given to a record.
SELECT seq FROM sqlite_sequence WHERE name = 'records'

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
