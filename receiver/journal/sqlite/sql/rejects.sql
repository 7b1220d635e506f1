-- A sample of what was refused; in no transaction with anything else, and it may be lost.
CREATE TABLE IF NOT EXISTS rejects (
  number         INTEGER PRIMARY KEY AUTOINCREMENT,
  source         TEXT NOT NULL,
  received_at_us INTEGER NOT NULL,     -- Unix microseconds
  why            TEXT NOT NULL,        -- our short word for it
  headers        BLOB NOT NULL,        -- lines 'name: value', CR LF; INTEGER 1 where the row is sealed: see seals.py
  body           BLOB NOT NULL         -- as far as it came; sealed: headers and body
);
