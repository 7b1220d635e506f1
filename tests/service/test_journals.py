"""The configured journal, opened whole or in part; what is wrong with it is said in one sentence."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import pytest

from receiver.journal.engines import find_journal
from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connection import Database
from receiver.journal.slots import HeldSlot
from receiver.model.errors import JournalError, StoreAway, StoreFailed
from receiver.service.config.settings import Settings, build
from receiver.service.journals import open_held, open_journal
from tests.ports import free_port
from tests.postgres_cluster import new_journal

SOURCE = {"name": "swaps", "provider": "onchainpay", "keys": [{"public": "env:A", "secret": "env:B"}]}


def settings(**journal: object) -> Settings:
    """A configuration of a journal."""
    return build({"journal": journal, "sources": [SOURCE]}, "here")


def test_the_journal_that_is_there_is_opened() -> None:
    """Whole for a supervisor, and one slot of it for a child, which is told its id."""
    with new_journal() as (url, options):
        configured = settings(url=url, database_schema=options.schema)
        journal = open_journal(configured, {}, pytest.fail)
        assert journal.held is None
        assert journal.journal_id == find_journal(url, options=options).journal_id
        held = HeldSlot(0, 3)
        assert open_held(configured, {}, journal.journal_id, held).held == held
        with closing(open_held(configured, {}, journal.journal_id).slots()) as slots:
            assert [state.slot for state in slots.states()] == [0]


def test_a_journal_that_nobody_made_is_not_made_by_a_service() -> None:
    """Neither is one in a folder shared."""
    with new_journal() as (url, _), pytest.raises(JournalError, match="there is no journal in the schema"):
        open_journal(settings(url=url, database_schema="nobody_made_it"), {}, pytest.fail)


def test_a_folder_is_not_shared(tmp_path: Path) -> None:
    """It is one service's, and that is said."""
    with pytest.raises(JournalError, match="only one service can have it"):
        open_journal(settings(url=f"sqlite:{tmp_path}/journal"), {}, pytest.fail)


def test_a_database_without_a_connection_for_us_is_waited_for() -> None:
    """That is said once, with what the server says, and it is over as soon as one is free."""
    with new_journal() as (url, options), closing(Database(Address.of(url, options), "test")) as database:
        database.execute(
            f"""
            DROP ROLE IF EXISTS crowded;
            CREATE ROLE crowded LOGIN IN ROLE {database.one("SELECT current_user")} CONNECTION LIMIT 0
            """
        )
        said: list[str] = []

        def waiting(why: str) -> None:
            said.append(why)
            database.execute("ALTER ROLE crowded CONNECTION LIMIT -1")

        crowded = re.sub(r"//[^/@]*@", "//crowded@", url)
        assert crowded != url
        opened = open_journal(settings(url=crowded, database_schema=options.schema), {}, waiting)
        assert opened.journal_id == find_journal(url, options=options).journal_id
    assert len(said) == 1
    assert "too many connections for role" in said[0]
    assert said[0].endswith("; waiting up to 60 s for it")


def test_a_database_that_stays_away_ends_the_start() -> None:
    """With its reason, after the time for it."""
    said: list[str] = []
    nowhere = settings(url=f"postgresql://somebody@127.0.0.1:{free_port()}/somewhere")
    with pytest.raises(StoreAway, match="the database cannot be reached"):
        open_journal(nowhere, {}, said.append, 0.2)
    assert len(said) == 1


def test_a_login_that_is_refused_is_not_waited_for() -> None:
    """Neither is anything else that waiting does not mend."""
    with new_journal() as (url, options):
        stranger = re.sub(r"//[^/@]*@", "//nobody_of_that_name@", url)
        with pytest.raises(StoreFailed) as raised:
            open_journal(settings(url=stranger, database_schema=options.schema), {}, pytest.fail)
    assert not isinstance(raised.value, StoreAway)
