-- name: alone
-- Until the end of the transaction: two that make the same journal wait for each other.
SELECT pg_advisory_xact_lock(hashtextextended($1, 0))

-- name: is_there
-- Whether there is a journal in a schema, asked without needing one.
SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = 'journal' AND c.relkind = 'r'

-- name: format
-- The last migration that was made.
SELECT format FROM journal

-- name: id
-- The journal's.
SELECT id::text FROM journal

-- name: make_journal
-- With the first migration.
INSERT INTO journal (id, format) VALUES ($1::text::uuid, 1)

-- name: set_format
-- With each later one.
UPDATE journal SET format = $1

-- name: bound
-- Before callbacks are cut into parts: none has a number above one that will not be given for long. Only new ones are
-- looked at while this has its lock.
DO $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conrelid = 'callbacks'::regclass AND conname = 'below_parts') THEN
    SET LOCAL lock_timeout = '2s';
    EXECUTE format('ALTER TABLE callbacks ADD CONSTRAINT below_parts CHECK (number < %s) NOT VALID',
      (SELECT (era + pg_current_xact_id()::text::bigint + (1 << 24)) * 1024 FROM journal));
  END IF;
END $$

-- name: check_bound
-- The old ones are looked at beside services that run.
ALTER TABLE callbacks VALIDATE CONSTRAINT below_parts

-- name: unbound
-- Where they were not cut after all: in days a callback would be refused for it.
DO $$ BEGIN
  IF EXISTS (SELECT 1 FROM pg_constraint WHERE conrelid = 'callbacks'::regclass AND conname = 'below_parts') THEN
    SET LOCAL lock_timeout = '2s';
    ALTER TABLE callbacks DROP CONSTRAINT below_parts;
  END IF;
END $$

-- name: add_slot
-- Those that are there stay as they are.
INSERT INTO slots (slot, last_record) VALUES ($1, $2) ON CONFLICT DO NOTHING

-- name: count_slots
-- How many there are.
SELECT count(*) FROM slots

-- name: allow
-- A role that a service runs under: it may change rows, and no table but by the functions that are there for it.
GRANT USAGE ON SCHEMA {schema} TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role};
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO {role}

-- name: allowed
-- Roles that were let in before: what a migration adds is theirs too.
SELECT rolname FROM pg_class, aclexplode(relacl) AS granted JOIN pg_roles ON pg_roles.oid = grantee
WHERE pg_class.oid = 'slots'::regclass AND grantee <> relowner AND privilege_type = 'INSERT'

-- name: server
-- Whether it keeps what it says it kept.
SELECT current_setting('server_version_num')::int, current_setting('fsync'), current_setting('full_page_writes'),
  current_setting('synchronous_standby_names'), version(), current_setting('server_encoding')

-- name: forgetful
-- Of a cluster of tests.
SELECT current_setting('receiver.forgetful', true)
