-- Format 2: who works on the journal, and whose callbacks are in which slot.

-- Workers, those without a slot too.
CREATE TABLE crew (
  holder  text PRIMARY KEY,
  seen_at timestamptz NOT NULL
) WITH (fillfactor = 20);

-- An account of a provider is in one slot; it is moved only by a person.
CREATE TABLE accounts (
  provider text NOT NULL,
  account  text NOT NULL,    -- '' where the provider has none
  slot     smallint NOT NULL,
  since    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (provider, account)
);
