-- Requests: what does not come by webhook. Reconcile and the command line write them, the interpreter
-- reads them in order.

CREATE TABLE IF NOT EXISTS requests (
  number       INTEGER PRIMARY KEY AUTOINCREMENT,
  request_type TEXT NOT NULL,          -- what is asked of the interpreter, or what was learnt
  made_at_us   INTEGER NOT NULL,       -- Unix microseconds
  payload      TEXT NOT NULL           -- JSON object; a BLOB where it is sealed: see seals.py
);
