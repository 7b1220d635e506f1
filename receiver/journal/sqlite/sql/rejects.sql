-- A sample of what was refused; in no transaction with anything else, and it may be lost.
CREATE TABLE IF NOT EXISTS rejects (
  number         INTEGER PRIMARY KEY AUTOINCREMENT,
  source         TEXT NOT NULL,
  received_at_us INTEGER NOT NULL,     -- Unix microseconds
  why            TEXT NOT NULL,        -- our short word for it
  near           INTEGER NOT NULL DEFAULT 0,  -- more for one that looks more like a genuine one
  headers        BLOB NOT NULL,        -- lines 'name: value', CR LF; INTEGER 1 where the row is sealed: see seals.py
  body           BLOB NOT NULL         -- as far as it came; sealed: headers and body
);
-- All that deciding which of them to forget looks at, without their bodies.
CREATE INDEX IF NOT EXISTS rejects_by_kind ON rejects (source, why, near, received_at_us);
