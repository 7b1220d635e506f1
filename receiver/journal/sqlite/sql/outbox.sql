-- The outbox: what the callbacks were understood to mean. Written by the interpreter only, one transaction per
-- batch.

-- Status events and quarantine records, in the order in which they go to Kafka. A number is never used twice.
CREATE TABLE IF NOT EXISTS records (
  number       INTEGER PRIMARY KEY AUTOINCREMENT,
  record_type  TEXT NOT NULL,          -- 'event', 'quarantine', or 'withheld': refused by Kafka in any form
  record_id    TEXT NOT NULL,          -- event_id, or the quarantine's id
  provider     TEXT NOT NULL,
  source       TEXT NOT NULL,
  account      TEXT,
  family       TEXT NOT NULL,          -- '' for a quarantine record, as the next three
  kind         TEXT NOT NULL,
  operation_id TEXT NOT NULL,
  status       TEXT NOT NULL,
  effective    INTEGER NOT NULL,
  received_at  TEXT NOT NULL,          -- RFC 3339 UTC, microseconds
  callback     INTEGER,                -- inbox number; NULL for what a provider's API said
  traceparent  TEXT,
  value        BLOB NOT NULL,          -- the JSON that Kafka holds
  publish      INTEGER NOT NULL,       -- 0: imported as already published, goes nowhere
  simulated    INTEGER NOT NULL DEFAULT 0   -- 1: its callback said that a simulator made it; last, as ALTER TABLE adds it
);

-- What deciding an operation's next event needs; kept for ever, so that a very late status is still late.
CREATE TABLE IF NOT EXISTS operations (
  id              INTEGER PRIMARY KEY,
  key             TEXT NOT NULL,         -- provider:account:kind:operation_id; one row each
  key_hash        INTEGER NOT NULL,      -- of the key, 32 bits; for those that are not in operation_keys yet
  sequence        INTEGER NOT NULL,      -- of its last event
  event_id        TEXT NOT NULL,         -- of the effective event, as the next five
  provider_status TEXT NOT NULL,
  rank            INTEGER NOT NULL,
  terminal        INTEGER NOT NULL,
  updated_at      TEXT,
  arrival         INTEGER NOT NULL,
  revisions       TEXT NOT NULL,         -- JSON object: status word → contents published
  forgotten       BLOB NOT NULL DEFAULT x'' -- marks of contents that retention took, 8 bytes each; zeros: of some there are none
);

-- Operations by a hash of their keys: a page holds many, one of keys would hold few. Lacks the newest, from the number
-- on that meta's keys_indexed_to gives: they come in sorted slices.
CREATE TABLE IF NOT EXISTS operation_keys (
  key_hash  INTEGER NOT NULL,
  operation INTEGER NOT NULL,
  PRIMARY KEY (key_hash, operation)
) WITHOUT ROWID;

-- Contents that became an event, to know a duplicate and the event that it repeats; kept for a time that is a setting.
CREATE TABLE IF NOT EXISTS contents (
  operation      INTEGER NOT NULL,
  event_id       TEXT NOT NULL,
  payload_digest BLOB NOT NULL,
  record         INTEGER NOT NULL,
  seen_on        TEXT NOT NULL,        -- the UTC day of its callback's receipt, YYYY-MM-DD
  PRIMARY KEY (operation, event_id)
) WITHOUT ROWID;

-- What became of each journal entry: every callback is accounted for here once.
CREATE TABLE IF NOT EXISTS outcomes (
  store     TEXT NOT NULL,             -- 'inbox' or 'requests'
  number    INTEGER NOT NULL,
  outcome   TEXT NOT NULL,             -- 'event', 'duplicate' or 'quarantine'
  record    INTEGER,                   -- its event's or quarantine's number; a duplicate's is that of the event it repeats
  operation INTEGER,
  PRIMARY KEY (store, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS outcomes_by_operation ON outcomes (operation, store, number) WHERE operation IS NOT NULL;
CREATE INDEX IF NOT EXISTS outcomes_duplicates ON outcomes (number) WHERE store = 'inbox' AND outcome = 'duplicate';

-- Callbacks that nobody could read, and what became of them; kept until they are closed or redriven, and after.
CREATE TABLE IF NOT EXISTS quarantine (
  store       TEXT NOT NULL,           -- 'inbox', or 'requests' for what a provider's API said
  number      INTEGER NOT NULL,        -- in that store; the two are the quarantine's id
  source      TEXT NOT NULL,
  reason      TEXT NOT NULL,           -- of the closed list
  detail      TEXT NOT NULL,           -- the offending field's path
  received_at TEXT NOT NULL,
  state       TEXT NOT NULL,           -- 'open' → 'redriven' | 'closed'
  why         TEXT NOT NULL,           -- of the person who closed it
  record      INTEGER,                 -- its quarantine record's number
  PRIMARY KEY (store, number)
) WITHOUT ROWID;

-- Body fields that mean nothing to us, by name: a provider's change shows here first. Bounded per source.
CREATE TABLE IF NOT EXISTS drift (
  source     TEXT NOT NULL,
  field      TEXT NOT NULL,
  callbacks  INTEGER NOT NULL,
  first_seen TEXT NOT NULL,            -- RFC 3339 UTC, receipt of the first callback of the batch that had it
  PRIMARY KEY (source, field)
) WITHOUT ROWID;

-- When each source was last heard of.
CREATE TABLE IF NOT EXISTS heard (
  source  TEXT PRIMARY KEY,
  last_us INTEGER NOT NULL             -- Unix microseconds
) WITHOUT ROWID;

-- How far each store has been interpreted, with the digest of that entry, to notice a foreign store.
CREATE TABLE IF NOT EXISTS progress (
  store  TEXT PRIMARY KEY,
  number INTEGER NOT NULL,
  digest BLOB NOT NULL
) WITHOUT ROWID;

-- A local copy of the position each Kafka cluster last confirmed; Kafka's own is the truth. The highest rowid is the latest.
CREATE TABLE IF NOT EXISTS kafka_memory (
  cluster_id TEXT PRIMARY KEY,
  number     INTEGER NOT NULL,
  record_id  TEXT NOT NULL
);
