-- The index: no store of the journal, made anew where it is missing. It knows numbers of records, and no record.

-- What each record is found by: values, values backwards, properties; one word each. Only the words and where they are
-- is kept (contentless, detail=none), and a row can be deleted by its number alone.
CREATE VIRTUAL TABLE IF NOT EXISTS terms USING fts5(
  words, content='', contentless_delete=1, detail=none, tokenize="ascii tokenchars '-_'"
);

-- Texts that are counted or grouped by; with keys both columns are of no use to who has none.
CREATE TABLE IF NOT EXISTS texts (
  id   INTEGER PRIMARY KEY,
  name BLOB NOT NULL UNIQUE,           -- the text, or a keyed hash of it
  text BLOB NOT NULL                   -- the text, or sealed
);

-- By the hour of receipt: between which numbers all its records lie. Hours since 1970, by our clock.
CREATE TABLE IF NOT EXISTS hours (
  hour  INTEGER PRIMARY KEY,
  first INTEGER NOT NULL,
  last  INTEGER NOT NULL
);

-- Counters of minutes and days.
CREATE TABLE IF NOT EXISTS counts (
  length_us INTEGER NOT NULL,          -- of the time that is counted
  at_us     INTEGER NOT NULL,          -- its beginning, Unix microseconds
  counted   INTEGER NOT NULL,          -- a text: JSON of source, kind, status, outcome, anomalies
  count     INTEGER NOT NULL,
  PRIMARY KEY (length_us, at_us, counted)
) WITHOUT ROWID;

-- The word that nobody knew, of what is or was in quarantine.
CREATE TABLE IF NOT EXISTS words (
  store  TEXT NOT NULL,
  number INTEGER NOT NULL,
  word   INTEGER NOT NULL,             -- a text
  record INTEGER NOT NULL,             -- the outbox number of the quarantine record
  PRIMARY KEY (store, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS words_record ON words (record);

-- How far it is.
CREATE TABLE IF NOT EXISTS reached (
  one       INTEGER PRIMARY KEY CHECK (one = 1),
  record    INTEGER NOT NULL,          -- the last record in it
  record_id BLOB NOT NULL,             -- its id, as a text is kept, to notice another outbox
  callback  INTEGER NOT NULL           -- the last callback whose repeat would be counted
);
