-- The inbox: every verified callback, whole and raw, in the order of receipt. Written by the intake process only.

-- No index but the number, so an append costs the same with a billion rows. AUTOINCREMENT: a number is never used
-- twice, also when retention has emptied the table.
CREATE TABLE IF NOT EXISTS callbacks (
  number         INTEGER PRIMARY KEY AUTOINCREMENT,
  source         TEXT NOT NULL,        -- the configured source's name
  received_at_us INTEGER NOT NULL,     -- Unix microseconds, our clock
  headers        BLOB NOT NULL,        -- lines 'name: value', CR LF; names lower case, order and repeats kept
                                       -- INTEGER 1 where the row is sealed: see seals.py
  body           BLOB NOT NULL         -- the bytes as received; sealed: headers and body
);
