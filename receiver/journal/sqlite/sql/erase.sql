-- In the outbox: what was erased on purpose, by whom and why. Made with the first act.
CREATE TABLE IF NOT EXISTS erasures (
  number       INTEGER PRIMARY KEY,
  operation    TEXT NOT NULL,          -- the key
  erased_at_us INTEGER NOT NULL,       -- Unix microseconds
  who          TEXT NOT NULL,
  reason       TEXT NOT NULL,
  what         TEXT NOT NULL           -- JSON object: numbers of callbacks, answers, records, rejects
);
