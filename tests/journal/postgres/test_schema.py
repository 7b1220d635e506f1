"""Making a journal in a database: numbered, forward only, safe to repeat, and never more than a role may."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from receiver.journal.postgres import schema
from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.journal import find_journal, is_there
from receiver.model.errors import JournalError, StoreFailed
from tests.postgres_cluster import cluster

OPTIONS_SCHEMA = "of_schema_tests"


@pytest.fixture
def empty() -> Iterator[Address]:
    """A schema that is not there."""
    bare = Address.of(cluster())
    address = bare.with_options(replace(bare.options, schema=OPTIONS_SCHEMA))
    yield address
    with closing(Database(address, "test")) as database:
        database.execute(f"DROP SCHEMA IF EXISTS {OPTIONS_SCHEMA} CASCADE; DROP ROLE IF EXISTS only_runs")


def test_it_is_made_once_and_only_gains_slots(empty: Address) -> None:
    """Whoever repeats it changes nothing else."""
    assert not is_there(empty)
    with pytest.raises(JournalError, match="receiver journal init"):
        find_journal(empty)
    made = schema.init(empty)
    assert (made.format_before, made.slots) == (0, 1)
    again = schema.init(empty, slots=3)
    assert (again.journal_id, again.format_before, again.slots) == (made.journal_id, schema.FORMAT, 3)
    assert schema.init(empty).slots == 3
    assert find_journal(empty).journal_id == made.journal_id
    assert f"has format {schema.FORMAT} already; it has 3 slots" in schema.told(again)[0]


def test_a_newer_one_is_refused_by_all(empty: Address) -> None:
    """And not touched."""
    schema.init(empty)
    with closing(Database(empty, "test")) as database:
        database.execute("UPDATE journal SET format = 99")
        with pytest.raises(JournalError, match="format 99"):
            schema.init(empty)
        with pytest.raises(JournalError, match="format 99"):
            find_journal(empty)
        assert database.one("SELECT format FROM journal") == 99


def test_a_role_that_only_runs_changes_rows_and_no_table(empty: Address) -> None:
    """What it may is granted by name."""
    with closing(Database(empty, "test")) as owner:
        owner.execute("CREATE ROLE only_runs LOGIN")
    schema.init(empty, allow="only_runs")
    theirs = replace(empty, url=empty.url.replace("ledger@", "only_runs@"))
    with closing(Database(theirs, "test")) as database:
        assert schema.find(database)
        database.rows("UPDATE counters SET last = last + 1 WHERE name = 'requests'")
        with pytest.raises(StoreFailed, match="must be owner"):
            database.execute("DROP TABLE runs")
    with pytest.raises((JournalError, StoreFailed)):
        schema.init(theirs.with_options(replace(theirs.options, schema="another")))


def test_a_database_whose_texts_lack_letters_is_refused(empty: Address) -> None:
    """A callback with a word of another alphabet would be interpreted again and again, and never kept."""
    with closing(Database(empty, "test")) as database:
        database.execute("CREATE DATABASE latin TEMPLATE template0 ENCODING LATIN1 LOCALE 'C'")
        try:
            with pytest.raises(JournalError, match="texts in LATIN1, which lacks most letters"):
                schema.init(replace(empty, url=empty.url.replace("/postgres", "/latin")))
        finally:
            database.execute("DROP DATABASE latin")


def test_a_replica_that_nobody_waits_for_is_none(empty: Address) -> None:
    """A start with ``replicated`` is refused."""
    with closing(Database(empty, "test")) as database:
        schema.check_server(database, replicated=False)
        with pytest.raises(JournalError, match="synchronous_standby_names"):
            schema.check_server(database, replicated=True)
