-- What reconcile remembers: in requests.db, so that an answer and the note that it was given are one commit.

-- Operations that a provider's API is asked about.
CREATE TABLE IF NOT EXISTS watched (
  source       TEXT NOT NULL,
  operation_id TEXT NOT NULL,
  since_us     INTEGER NOT NULL,       -- Unix microseconds, as all times here: when it was first heard of
  due_us       INTEGER NOT NULL,       -- when it is asked for next; 2^62: never by itself
  state        TEXT NOT NULL,          -- 'open' → 'closed' (the API called it terminal) | 'given_up'; → 'open' again
  asked_us     INTEGER NOT NULL,       -- when the API answered last; 0: never
  failures     INTEGER NOT NULL,       -- since then
  why          TEXT NOT NULL,          -- of the last failure
  digest       BLOB NOT NULL,          -- of the last answer's canonical form; empty: none yet
  PRIMARY KEY (source, operation_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS watched_due ON watched (source, due_us) WHERE state = 'open';

-- How far the outbox was looked through, and when each list was last read whole.
CREATE TABLE IF NOT EXISTS looked (
  source TEXT NOT NULL,                -- '' for the outbox
  name   TEXT NOT NULL,                -- 'outbox', or a scan's name
  value  INTEGER NOT NULL,             -- an outbox number, or a time
  PRIMARY KEY (source, name)
) WITHOUT ROWID;

-- The last nonce of each API key, by a digest of its public half: never one twice, whatever the clock does.
CREATE TABLE IF NOT EXISTS nonces (
  api_key TEXT PRIMARY KEY,
  last    INTEGER NOT NULL
) WITHOUT ROWID;
