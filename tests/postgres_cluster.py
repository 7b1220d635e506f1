"""A PostgreSQL that all tests of a worker share, started by the first that asks, and a journal of its own for each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cache

import pytest

from receiver.journal.options import EngineOptions
from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.schema import init
from tests.consume.postgres import postgres, programs
from tests.kept_sessions import end_kept_sessions, kept_sessions

_running = ExitStack()
_made: list[str] = []
_free: list[str] = []
"""Schemas whose tests are over; they are emptied before another test has them, which is cheaper than making one."""
OPTIONS = ("-c", "receiver.forgetful=on", "-c", "max_connections=200", "-c", "shared_buffers=8MB", "-c", "jit=off")
"""Each session has to make itself at home in the shared memory, and most of the tests have several short ones; none
lives for long enough that a statement which is compiled would pay off."""
IN_PLAIN = "?sslmode=disable"
"""The server has no certificate. Whoever does not say that asks it each time, and prepares for it."""
EMPTY = """
DO $$ DECLARE one record; BEGIN
  FOR one IN SELECT tablename FROM pg_tables
      WHERE schemaname = current_schema() AND tablename NOT IN ('journal', 'parts') LOOP
    EXECUTE format('DELETE FROM %I', one.tablename);
  END LOOP;
END $$;
UPDATE journal SET id = gen_random_uuid(), era = 0;
INSERT INTO counters VALUES ('requests', 0);
INSERT INTO slots (slot, last_record) VALUES (0, 0);
"""


@cache
def cluster() -> str:
    """Its URL. It says of itself that it may forget: it runs without fsync."""
    bin_ = programs()
    if bin_ is None:
        pytest.skip("PostgreSQL 14 or newer is needed: on Debian the package postgresql")
    return _running.enter_context(postgres(bin_, *OPTIONS)) + IN_PLAIN


@contextmanager
def new_journal(*, keep_sessions: bool = False) -> Iterator[tuple[str, EngineOptions]]:
    """A new journal with one slot: its URL, and the options that lead to it.

    ``keep_sessions`` is for tests that are not about sessions: they pass them on among themselves.
    """
    if keep_sessions:
        with kept_sessions():
            yield from _new_journal()
    else:
        end_kept_sessions()
        yield from _new_journal()


def _new_journal() -> Iterator[tuple[str, EngineOptions]]:
    url = cluster()
    schema = _free.pop() if _free else f"test_{len(_made)}"
    options = EngineOptions(schema=schema, commit_timeout_s=20)
    if schema in _made:
        with closing(Database(Address.of(url, options), "test")) as database:
            database.execute(EMPTY)
    else:
        _made.append(schema)
        init(Address.of(url, options))
    yield url, options
    _free.append(schema)


def stop() -> None:
    """At the end of the session."""
    end_kept_sessions()
    _running.close()
    cluster.cache_clear()
