-- Format 4: what people find events by. No store of the journal: it is made from the outbox, and may be emptied at any
-- time. So none of it goes through the write-ahead log or to a replica: after a crash of the server, or on a replica that
-- took over, it is empty, and is made anew.
CREATE UNLOGGED TABLE search_meta (
  one    boolean PRIMARY KEY DEFAULT true CHECK (one),
  format integer NOT NULL,        -- of what a record is found by: another one is made anew
  key_id text NOT NULL            -- of the master key under which words are hashes; '' where they can be read
);

-- How far it is, by slot.
CREATE UNLOGGED TABLE search_reached (
  slot      smallint PRIMARY KEY,
  record    bigint NOT NULL,      -- the last record in it
  record_id bytea NOT NULL,       -- its id, as a text is kept, to notice another outbox
  callback  bigint NOT NULL       -- the last callback whose repeat would be counted
);

-- What each record is found by: values, values backwards, properties. Records with a word are next to each other, in order.
CREATE UNLOGGED TABLE search_terms (
  term   text COLLATE "C" NOT NULL,
  number bigint NOT NULL,
  PRIMARY KEY (term, number)
);
CREATE INDEX search_terms_by_number ON search_terms (number);

-- Texts that are counted or grouped by; with keys both columns are of no use to who has none.
CREATE UNLOGGED TABLE search_texts (
  name bytea PRIMARY KEY,         -- the text's digest, or a keyed hash of it
  text bytea NOT NULL             -- the text, or sealed
);

-- By the hour of receipt: between which numbers all of a slot's records lie. Hours since 1970, by our clock.
CREATE UNLOGGED TABLE search_hours (
  slot  smallint NOT NULL,
  hour  bigint NOT NULL,
  first bigint NOT NULL,
  last  bigint NOT NULL,
  PRIMARY KEY (slot, hour)
);

-- Counters of minutes and days.
CREATE UNLOGGED TABLE search_counts (
  length_us bigint NOT NULL,      -- of the time that is counted
  at_us     bigint NOT NULL,      -- its beginning, Unix microseconds
  counted   bytea NOT NULL,       -- the name of a text: JSON of source, kind, status, outcome, anomalies
  count     bigint NOT NULL,
  PRIMARY KEY (length_us, at_us, counted)
);

-- The word that nobody knew, of what is or was in quarantine.
CREATE UNLOGGED TABLE search_words (
  store  text NOT NULL,
  number bigint NOT NULL,
  word   bytea NOT NULL,          -- the name of a text
  record bigint NOT NULL,         -- the outbox number of the quarantine record
  PRIMARY KEY (store, number)
);
CREATE INDEX search_words_by_record ON search_words (record);

-- Empties all of it at once; who may only change rows could not.
CREATE FUNCTION clear_search() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '5s' AS $$
BEGIN
  TRUNCATE search_meta, search_reached, search_terms, search_texts, search_hours, search_counts, search_words;
END $$;
REVOKE ALL ON FUNCTION clear_search() FROM PUBLIC;
