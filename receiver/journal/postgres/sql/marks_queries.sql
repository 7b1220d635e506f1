-- name: hurry
-- For this transaction alone: it need not outlive the machine.
SET LOCAL synchronous_commit = off

-- name: set
-- The batch in hand.
INSERT INTO marks (slot, first, last) VALUES ($1, $2, $3)
ON CONFLICT (slot) DO UPDATE SET first = excluded.first, last = excluded.last

-- name: read
-- The batch that was in hand last.
SELECT first, last FROM marks WHERE slot = $1

-- name: lessons
-- What earlier deaths taught.
SELECT lessons FROM marks WHERE slot = $1

-- name: keep_lessons
-- The same, set.
INSERT INTO marks (slot, lessons) VALUES ($1, $2) ON CONFLICT (slot) DO UPDATE SET lessons = excluded.lessons

-- name: save_run
-- A run's newest state.
INSERT INTO runs (run_id, document, saved_at) VALUES ($1, $2, clock_timestamp())
ON CONFLICT (run_id) DO UPDATE SET document = excluded.document, saved_at = excluded.saved_at

-- name: load_run
-- A run's state.
SELECT document FROM runs WHERE run_id = $1

-- name: list_runs
-- The newest runs, with their states.
SELECT run_id, document FROM runs ORDER BY saved_at DESC LIMIT $1
