-- Format 1: everything. All texts are as text.py writes them, since a text of PostgreSQL holds no zero character.

-- The journal itself, one row.
CREATE TABLE journal (
  one     boolean PRIMARY KEY DEFAULT true CHECK (one),
  id      uuid NOT NULL,
  format  integer NOT NULL,          -- of the last migration that ran
  era     bigint NOT NULL DEFAULT 0, -- added to transaction ids, so that inbox numbers rise also after a logical restore
  made_at timestamptz NOT NULL DEFAULT now()
);

-- Numbers of tables that are seldom written, and by few: a row that is updated gives them without a gap, in the order
-- of commits. 'requests' is there from the beginning, 'rejects' from the first service on.
CREATE TABLE counters (
  name text PRIMARY KEY,
  last bigint NOT NULL
) WITH (fillfactor = 20);
INSERT INTO counters VALUES ('requests', 0);

-- Parts of the journal with an order of their own; who holds one interprets and publishes it.
CREATE TABLE slots (
  slot               smallint PRIMARY KEY,
  epoch              bigint NOT NULL DEFAULT 0,     -- raised with each holder; every commit to the outbox compares it
  holder             text,
  renewed_at         timestamptz NOT NULL DEFAULT '-infinity',
  inbox_to           bigint NOT NULL DEFAULT 0,     -- inbox number up to which it is interpreted
  inbox_digest       bytea NOT NULL DEFAULT '',     -- of that entry, to notice a foreign one
  requests_to        bigint NOT NULL DEFAULT 0,
  requests_digest    bytea NOT NULL DEFAULT '',
  last_record        bigint NOT NULL,               -- the highest number given, also where its record was purged
  outcomes_purged_to bigint NOT NULL DEFAULT 0,
  callbacks_last     bigint NOT NULL DEFAULT 0      -- the highest number among callbacks that were purged
) WITH (fillfactor = 20);

-- 'reconcile' and 'keeper': what one process does for all.
CREATE TABLE leases (
  name       text PRIMARY KEY,
  epoch      bigint NOT NULL DEFAULT 0,
  holder     text,
  renewed_at timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 20);

-- The inbox: every verified callback, whole and raw. A number is (era + transaction id) * 1024 + place in its commit.
CREATE TABLE callbacks (
  slot           smallint NOT NULL,
  number         bigint NOT NULL,
  source         text NOT NULL,
  received_at_us bigint NOT NULL,   -- Unix microseconds, our clock
  headers        bytea,             -- lines 'name: value', CR LF; NULL where the row is sealed
  body           bytea NOT NULL,    -- the bytes as received; sealed: headers and body
  PRIMARY KEY (slot, number)
);
ALTER TABLE callbacks ALTER COLUMN body SET STORAGE EXTERNAL;

-- What did not come by webhook, numbered by `counters`.
CREATE TABLE requests (
  number       bigint PRIMARY KEY,
  slot         smallint NOT NULL DEFAULT 0, -- whose interpreter carries it out
  request_type text NOT NULL,
  made_at_us   bigint NOT NULL,
  payload      bytea NOT NULL       -- JSON object, or that sealed
);

-- Status events and quarantine records in the order in which they go to Kafka: without a gap within their slot, which is
-- in the number's high bits.
CREATE TABLE records (
  number       bigint PRIMARY KEY,
  record_type  text NOT NULL,       -- 'event', 'quarantine' or 'withheld'
  record_id    text NOT NULL,
  provider     text NOT NULL,
  source       text NOT NULL,
  account      text,
  family       text NOT NULL,
  kind         text NOT NULL,
  operation_id text NOT NULL,
  status       text NOT NULL,
  effective    boolean NOT NULL,
  received_at  text NOT NULL,       -- RFC 3339 UTC, microseconds
  callback     bigint,              -- inbox number; NULL for what a provider's API said
  traceparent  text,
  value        bytea NOT NULL,      -- the JSON that Kafka holds, or that sealed
  publish      boolean NOT NULL,
  simulated    boolean NOT NULL
);

-- What deciding an operation's next event needs; kept for ever.
CREATE TABLE operations (
  id              bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  key_digest      bytea NOT NULL UNIQUE,  -- the first 16 bytes of SHA-256 of the key: a key may be too long for an index
  key             text NOT NULL,
  sequence        bigint NOT NULL,
  event_id        text NOT NULL,
  provider_status text NOT NULL,
  rank            integer NOT NULL,
  terminal        boolean NOT NULL,
  updated_at      text,
  arrival         bigint NOT NULL,
  revisions       text NOT NULL,          -- JSON object: status word → contents published
  forgotten       bytea NOT NULL DEFAULT ''
) WITH (fillfactor = 85);

-- Contents that became an event, to know a duplicate.
CREATE TABLE contents (
  operation      bigint NOT NULL,
  event_id       text NOT NULL,
  payload_digest bytea NOT NULL,
  record         bigint NOT NULL,
  seen_on        text NOT NULL,           -- the UTC day of its callback's receipt
  PRIMARY KEY (operation, event_id)
);
CREATE INDEX contents_by_day ON contents (seen_on);

-- What became of each journal entry.
CREATE TABLE outcomes (
  store     text NOT NULL,                -- 'inbox' or 'requests'
  number    bigint NOT NULL,
  slot      smallint NOT NULL,
  outcome   text NOT NULL,                -- 'event', 'duplicate' or 'quarantine'
  record    bigint,
  operation bigint,
  PRIMARY KEY (store, number)
);
CREATE INDEX outcomes_by_operation ON outcomes (operation, store, number) WHERE operation IS NOT NULL;
CREATE INDEX outcomes_duplicates ON outcomes (number) WHERE store = 'inbox' AND outcome = 'duplicate';
CREATE INDEX outcomes_of_requests ON outcomes (record) WHERE store = 'requests';

-- Callbacks that nobody could read, and what became of them.
CREATE TABLE quarantine (
  store       text NOT NULL,
  number      bigint NOT NULL,
  source      text NOT NULL,
  reason      text NOT NULL,
  detail      text NOT NULL,
  received_at text NOT NULL,
  state       text NOT NULL,              -- 'open' → 'redriven' | 'closed'
  why         text NOT NULL,
  record      bigint,
  PRIMARY KEY (store, number)
);

-- By slot, so that no row is written by two: there is then no order of locks to get wrong.
CREATE TABLE drift (
  slot       smallint NOT NULL,
  source     text NOT NULL,
  field      text NOT NULL,
  callbacks  bigint NOT NULL,
  first_seen text NOT NULL,
  PRIMARY KEY (slot, source, field)
);
CREATE TABLE heard (
  slot    smallint NOT NULL,
  source  text NOT NULL,
  last_us bigint NOT NULL,
  PRIMARY KEY (slot, source)
);

-- The position that each Kafka cluster last confirmed of a slot's records.
CREATE TABLE kafka_memory (
  slot       smallint NOT NULL,
  cluster_id text NOT NULL,
  number     bigint NOT NULL,
  record_id  text NOT NULL,
  noted      bigint NOT NULL GENERATED ALWAYS AS IDENTITY, -- the highest is the latest
  PRIMARY KEY (slot, cluster_id)
) WITH (fillfactor = 50);

-- Over how many partitions a topic's keys are spread.
CREATE TABLE topic_partitions (
  cluster_id text NOT NULL,
  topic      text NOT NULL,
  partitions integer NOT NULL,
  PRIMARY KEY (cluster_id, topic)
);

-- What outlives an interpreting process: the batch it had in hand, and what earlier deaths taught.
CREATE TABLE marks (
  slot     smallint PRIMARY KEY,
  first    bigint NOT NULL DEFAULT 0,
  last     bigint NOT NULL DEFAULT 0,
  lessons  bytea NOT NULL DEFAULT '{}'    -- JSON object
) WITH (fillfactor = 20);

-- How far runs of replay came.
CREATE TABLE runs (
  run_id   text PRIMARY KEY,
  document bytea NOT NULL,                -- JSON object
  saved_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- A sample of what was refused.
CREATE TABLE rejects (
  number         bigint PRIMARY KEY,
  source         text NOT NULL,
  received_at_us bigint NOT NULL,
  why            text NOT NULL,
  near           integer NOT NULL,
  headers        bytea,                   -- NULL where the row is sealed
  body           bytea NOT NULL
);

-- What reconcile remembers.
CREATE TABLE watched (
  source       text NOT NULL,
  operation_id text NOT NULL,
  since_us     bigint NOT NULL,
  due_us       bigint NOT NULL,
  state        text NOT NULL,             -- 'open' → 'closed' | 'given_up'; → 'open' again
  asked_us     bigint NOT NULL,
  failures     integer NOT NULL,
  why          text NOT NULL,
  digest       bytea NOT NULL,
  PRIMARY KEY (source, operation_id)
);
CREATE INDEX watched_due ON watched (source, due_us) WHERE state = 'open';
CREATE TABLE looked (
  source text NOT NULL,
  name   text NOT NULL,
  value  bigint NOT NULL,
  PRIMARY KEY (source, name)
);
CREATE TABLE nonces (
  api_key text PRIMARY KEY,
  last    bigint NOT NULL
);

-- Keys of what is sealed, each wrapped under a master key that is not here.
CREATE TABLE data_keys (
  store   text NOT NULL,
  number  bigint NOT NULL,
  day     text NOT NULL,
  key_id  text NOT NULL,
  wrapped bytea NOT NULL,
  PRIMARY KEY (store, number)
);

-- What was erased on purpose, by whom and why.
CREATE TABLE erasures (
  number       bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  operation    text NOT NULL,
  erased_at_us bigint NOT NULL,
  who          text NOT NULL,
  reason       text NOT NULL,
  what         bytea NOT NULL             -- JSON object
);
