-- name: note_boot
-- On which boot of the machine it is being written; empty once who wrote it ended.
INSERT OR REPLACE INTO meta (key, value) VALUES ('boot', ?)

-- name: reached
-- How far it is.
SELECT record, record_id, callback FROM reached

-- name: set_reached
-- How far it is now.
INSERT INTO reached (one, record, record_id, callback) VALUES (1, ?1, ?2, ?3)
ON CONFLICT (one) DO UPDATE SET record = ?1, record_id = ?2, callback = ?3

-- name: put_terms
-- One record's words.
INSERT INTO terms (rowid, words) VALUES (?, ?)

-- name: drop_terms
-- One record's words; it may have none.
DELETE FROM terms WHERE rowid = ?

-- name: drop_word
-- What one quarantine record was about.
DELETE FROM words WHERE record = ?

-- name: rewrite_terms
-- Write all words anew, so that nothing is left of those of deleted rows.
INSERT INTO terms (terms) VALUES ('optimize')

-- name: lowest
-- Records in it, in order.
SELECT id FROM terms_docsize WHERE id > ? ORDER BY id LIMIT ?

-- name: newest_with
-- Records with these words, the newest first.
SELECT rowid FROM terms WHERE terms MATCH ? AND rowid BETWEEN ? AND ? ORDER BY rowid DESC LIMIT ?

-- name: oldest_with
-- Records with these words, the oldest first.
SELECT rowid FROM terms WHERE terms MATCH ? AND rowid BETWEEN ? AND ? ORDER BY rowid LIMIT ?

-- name: make_vocabulary
-- The words there are, for parts of them: a table of this connection only.
CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab(main, terms, row)

-- name: attach_outbox
-- The outbox, to read: an attached file is opened as the first one is.
ATTACH ? AS outbox

-- name: beginning_with
-- Words from one to before another.
SELECT term FROM temp.vocabulary WHERE term >= ? AND term < ? LIMIT ?

-- name: text_id
-- One text's id.
SELECT id FROM texts WHERE name = ?

-- name: put_text
-- A new text.
INSERT INTO texts (name, text) VALUES (?, ?) RETURNING id

-- name: put_hour
-- Records of one hour.
INSERT INTO hours (hour, first, last) VALUES (?, ?, ?)
ON CONFLICT (hour) DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last)

-- name: received
-- Between which numbers the records of some hours lie.
SELECT min(first), max(last) FROM hours WHERE hour BETWEEN ? AND ?

-- name: add_count
-- Some more of one minute or day.
INSERT INTO counts (length_us, at_us, counted, count) VALUES (?, ?, ?, ?)
ON CONFLICT (length_us, at_us, counted) DO UPDATE SET count = count + excluded.count

-- name: counts
-- Counters from a time to before another.
SELECT at_us, text, count FROM counts JOIN texts ON texts.id = counted
WHERE length_us = ? AND at_us >= ? AND at_us < ? ORDER BY at_us LIMIT ?

-- name: forget_counts
-- Counters before a time.
DELETE FROM counts WHERE length_us = ? AND at_us < ?

-- name: put_word
-- The word of what came into quarantine.
INSERT OR REPLACE INTO words (store, number, word, record) VALUES (?, ?, ?, ?)

-- name: groups
-- What stands in quarantine by all that makes a group; the newest of each as its time, store and number in one text.
SELECT standing.source, reason, detail, text, count(*), min(received_at),
  max(received_at || ' ' || standing.store || ' ' || printf('%018d', standing.number))
FROM outbox.quarantine AS standing LEFT JOIN words USING (store, number) LEFT JOIN texts ON texts.id = word
WHERE (?1 IS NULL OR source = ?1) AND (?2 IS NULL OR reason = ?2) AND (?3 IS NULL OR received_at >= ?3)
  AND (?4 IS NULL OR received_at < ?4) AND (?5 IS NULL OR state = ?5)
GROUP BY standing.source, reason, detail, text

-- name: clear_terms
-- All words.
INSERT INTO terms (terms) VALUES ('delete-all')

-- name: clear_texts
-- All texts.
DELETE FROM texts

-- name: clear_hours
-- All hours.
DELETE FROM hours

-- name: clear_counts
-- All counters.
DELETE FROM counts

-- name: clear_words
-- All words of quarantine.
DELETE FROM words

-- name: clear_reached
-- It is nowhere.
DELETE FROM reached
