-- name: alone
-- Until the end of the transaction nobody else writes the index; reading goes on. Nothing of it needs to be safe.
SET LOCAL synchronous_commit = off; LOCK TABLE search_reached IN EXCLUSIVE MODE

-- name: clear
-- All of it.
SELECT clear_search()

-- name: meta
-- Of which format it is, and under which key.
SELECT format, key_id FROM search_meta

-- name: set_meta
-- With the first that is put into it.
INSERT INTO search_meta (format, key_id) VALUES ($1, $2) ON CONFLICT DO NOTHING

-- name: reached
-- How far it is in a slot.
SELECT record, record_id, callback FROM search_reached WHERE slot = $1

-- name: set_reached
-- How far it is now.
INSERT INTO search_reached (slot, record, record_id, callback) VALUES ($1, $2, $3, $4)
ON CONFLICT (slot) DO UPDATE SET record = excluded.record, record_id = excluded.record_id, callback = excluded.callback

-- name: put_terms
-- Words of records.
INSERT INTO search_terms (term, number) SELECT * FROM unnest($1::text[], $2::bigint[]) ON CONFLICT DO NOTHING

-- name: drop_terms
-- Words of records that went.
DELETE FROM search_terms WHERE number = ANY($1::bigint[])

-- name: drop_words
-- What quarantine records that went were about.
DELETE FROM search_words WHERE record = ANY($1::bigint[])

-- name: lowest
-- Records of a slot in it, in order.
SELECT DISTINCT number FROM search_terms WHERE number > $1 AND number <= $2 ORDER BY number LIMIT $3

-- name: put_texts
-- New texts; those that are there stay.
INSERT INTO search_texts (name, text) SELECT * FROM unnest($1::bytea[], $2::bytea[]) ON CONFLICT DO NOTHING

-- name: put_hours
-- Records of some hours.
INSERT INTO search_hours AS kept (slot, hour, first, last)
SELECT $1::smallint, h, f, l FROM unnest($2::bigint[], $3::bigint[], $4::bigint[]) AS given(h, f, l)
ON CONFLICT (slot, hour) DO UPDATE SET first = least(kept.first, excluded.first), last = greatest(kept.last, excluded.last)

-- name: received
-- Between which numbers the records of some hours lie in a slot.
SELECT min(first), max(last) FROM search_hours WHERE slot = $1 AND hour BETWEEN $2 AND $3

-- name: add_counts
-- Some more of some minutes or days.
INSERT INTO search_counts AS kept (length_us, at_us, counted, count)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bigint[])
ON CONFLICT (length_us, at_us, counted) DO UPDATE SET count = kept.count + excluded.count

-- name: counts
-- Counters from a time to before another.
SELECT at_us, text, count FROM search_counts JOIN search_texts ON name = counted
WHERE length_us = $1 AND at_us >= $2 AND at_us < $3 ORDER BY at_us LIMIT $4

-- name: forget_counts
-- Counters before a time.
DELETE FROM search_counts WHERE length_us = $1 AND at_us < $2

-- name: put_words
-- The words of what came into quarantine.
INSERT INTO search_words (store, number, word, record)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[], $4::bigint[])
ON CONFLICT (store, number) DO UPDATE SET word = excluded.word, record = excluded.record

-- name: by_frequency
-- Words, the rarest among some numbers first, as far as some thousand tell.
SELECT given.term FROM unnest($1::text[]) AS given(term) ORDER BY (SELECT count(*) FROM (
  SELECT 1 FROM search_terms WHERE search_terms.term = given.term AND number BETWEEN $2 AND $3 LIMIT $4) AS counted)

-- name: newest_with
-- Records with one word and all of some others, the newest first.
SELECT number FROM search_terms AS rarest WHERE term = $1 AND number BETWEEN $3 AND $4
  AND (SELECT count(*) FROM search_terms AS other WHERE other.term = ANY($2::text[]) AND other.number = rarest.number)
    = cardinality($2::text[])
ORDER BY number DESC LIMIT $5

-- name: oldest_with
-- The same, the oldest first.
SELECT number FROM search_terms AS rarest WHERE term = $1 AND number BETWEEN $3 AND $4
  AND (SELECT count(*) FROM search_terms AS other WHERE other.term = ANY($2::text[]) AND other.number = rarest.number)
    = cardinality($2::text[])
ORDER BY number LIMIT $5

-- name: beginning_with
-- Records with words from one to before another, in the order of the words: by number would have to look at all.
SELECT number FROM search_terms WHERE term >= $1 AND term < $2 AND number BETWEEN $3 AND $4 ORDER BY term, number LIMIT $5

-- name: groups
-- What stands in quarantine by all that makes a group; the newest of each as its time, store and number in one text.
SELECT standing.source, reason, detail, text, count(*), min(received_at COLLATE "C"),
  max((received_at || ' ' || standing.store || ' ' || lpad(standing.number::text, 18, '0')) COLLATE "C")
FROM quarantine AS standing LEFT JOIN search_words USING (store, number) LEFT JOIN search_texts ON name = word
WHERE ($1::text IS NULL OR source = $1) AND ($2::text IS NULL OR reason = $2)
  AND ($3::text IS NULL OR received_at >= $3) AND ($4::text IS NULL OR received_at < $4)
  AND ($5::text IS NULL OR state = $5)
GROUP BY standing.source, reason, detail, text

-- name: indexed_to
-- The last record in it, of any slot.
SELECT coalesce(max(record), 0) FROM search_reached
