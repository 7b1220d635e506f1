-- Format 3: callbacks in parts by number, each a table of its own, so that old ones go as a whole. Nothing is copied:
-- the table that was there becomes the first part, and was read before, so that nobody waits while it is. Who has to wait
-- here for a reader gives up soon, since callbacks wait behind him.
SET LOCAL lock_timeout = '2s';
ALTER TABLE callbacks RENAME TO callbacks_before;
ALTER INDEX callbacks_pkey RENAME TO callbacks_before_pkey;
CREATE TABLE callbacks (
  slot           smallint NOT NULL,
  number         bigint NOT NULL,   -- (era + transaction id) * 1024 + place in its commit
  source         text NOT NULL,
  received_at_us bigint NOT NULL,   -- Unix microseconds, our clock
  headers        bytea,             -- lines 'name: value', CR LF; NULL where the row is sealed
  body           bytea NOT NULL,    -- the bytes as received; sealed: headers and body
  PRIMARY KEY (slot, number)
) PARTITION BY RANGE (number);
ALTER TABLE callbacks ALTER COLUMN body SET STORAGE EXTERNAL;

-- Callbacks of which no part was made, so that none is ever refused; and those that stay when their part goes.
CREATE TABLE callbacks_rest PARTITION OF callbacks DEFAULT;

-- The parts: callbacks_N holds the numbers from N = first to before the end.
CREATE TABLE parts (
  first     bigint PRIMARY KEY,
  past      bigint NOT NULL,        -- the first number after it
  name      text NOT NULL,
  made_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  made_when bigint NOT NULL,        -- the next number at that time
  detached  boolean NOT NULL DEFAULT false -- it is out of the inbox, and goes
);

-- Services log in as a role that may change rows and no table, so the tables' owner lends them these two acts. Who has to
-- wait for a reader gives up after a tenth of a second: whoever came after him would wait as well.
CREATE FUNCTION add_part(first_number bigint, past_number bigint, next_number bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '100ms' AS $$
DECLARE name text := 'callbacks_' || first_number;
BEGIN
  EXECUTE format('CREATE TABLE %I (LIKE callbacks INCLUDING ALL)', name);
  EXECUTE format('ALTER TABLE callbacks ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', name, first_number, past_number);
  INSERT INTO parts (first, past, name, made_when) VALUES (first_number, past_number, name, next_number);
END $$;

-- Takes a part out of the inbox, puts what stays aside, and keeps the highest number of each slot. The table itself is
-- dropped by the next function, so that nobody waits for its file to be deleted.
CREATE FUNCTION detach_part(first_number bigint, staying bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '100ms' AS $$
DECLARE part text := (SELECT name FROM parts WHERE first = first_number AND NOT detached FOR UPDATE);
BEGIN
  IF part IS NULL THEN RETURN; END IF;
  EXECUTE format('UPDATE slots SET callbacks_last = greatest(callbacks_last, last) FROM (
    SELECT slot AS its, (SELECT number FROM %I AS inside WHERE inside.slot = slots.slot ORDER BY number DESC LIMIT 1) AS last
    FROM slots) AS highest WHERE its = slots.slot AND last IS NOT NULL', part);
  EXECUTE format('ALTER TABLE callbacks DETACH PARTITION %I', part);
  EXECUTE format('INSERT INTO callbacks SELECT * FROM %I WHERE number = ANY($1)', part) USING staying;
  UPDATE parts SET detached = true WHERE first = first_number;
END $$;

CREATE FUNCTION drop_detached() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '100ms' AS $$
DECLARE part text;
BEGIN
  FOR part IN DELETE FROM parts WHERE detached RETURNING name LOOP
    EXECUTE format('DROP TABLE %I', part);
  END LOOP;
END $$;

REVOKE ALL ON FUNCTION add_part(bigint, bigint, bigint), detach_part(bigint, bigint[]), drop_detached() FROM PUBLIC;

-- What was there before: everything below the number that it was found to be below.
DO $$
DECLARE past bigint := (SELECT substring(pg_get_constraintdef(oid) FROM '[0-9]{2,}')::bigint FROM pg_constraint
  WHERE conrelid = 'callbacks_before'::regclass AND conname = 'below_parts');
BEGIN
  IF past IS NOT NULL THEN
    EXECUTE format('ALTER TABLE callbacks ATTACH PARTITION callbacks_before FOR VALUES FROM (MINVALUE) TO (%s)', past);
    ALTER TABLE callbacks_before DROP CONSTRAINT below_parts;
    INSERT INTO parts (first, past, name, made_when)
    SELECT 0, past, 'callbacks_before', (era + pg_current_xact_id()::text::bigint) * 1024 FROM journal;
  ELSE
    DROP TABLE callbacks_before;
  END IF;
END $$;
