-- Keys of a store that keeps what it holds sealed; made when the first row is. Each is wrapped under a key that is not here.
CREATE TABLE IF NOT EXISTS data_keys (
  number  INTEGER PRIMARY KEY,         -- no row is ever deleted, so none is used twice
  day     TEXT NOT NULL,               -- the UTC day of what it seals, YYYY-MM-DD
  key_id  TEXT NOT NULL,               -- of the key that opens it, from `journal.keys`
  wrapped BLOB NOT NULL                -- nonce, ciphertext, tag
);
CREATE INDEX IF NOT EXISTS data_keys_by_day ON data_keys (day, key_id);
