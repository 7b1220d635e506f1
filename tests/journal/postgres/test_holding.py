"""Holding a journal in a database: once, by a lease that is kept up; and moving one between engines."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import replace

import pytest

from receiver.journal.engines import find_journal, hold_journal, init_journal, is_held
from receiver.journal.options import EngineOptions
from receiver.journal.ports import InboxLimits
from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connection import Database
from receiver.model.errors import Fenced, JournalBusy, Unavailable
from tests.chaos.service import until
from tests.contract.journal.samples import batch, callback, event
from tests.postgres_cluster import new_journal

RENEWED_AT = "SELECT renewed_at FROM slots"


def test_it_is_held_once_and_free_afterwards() -> None:
    """Also by an error; whoever looks needs not hold it."""
    with new_journal() as (url, options):
        with hold_journal(url, options=options) as (journal, descriptor):
            assert descriptor is None
            assert journal.held is not None
            assert is_held(url, options)
            with pytest.raises(JournalBusy), hold_journal(url, wait_s=0, options=options):
                pass
            assert find_journal(url, options=options).journal_id == journal.journal_id
        assert not is_held(url, options)
        with hold_journal(url, wait_s=0, options=options) as (again, _):
            assert again.held is not None
            assert again.held.epoch == journal.held.epoch + 1


def test_the_lease_is_kept_up() -> None:
    """Without a hand, for as long as it is held."""
    with (
        new_journal() as (url, options),
        hold_journal(url, options=replace(options, lease_s=0.5)),
        closing(Database(Address.of(url, options), "test")) as database,
    ):
        taken_at = database.one(RENEWED_AT)
        until(lambda: bool(database.one(RENEWED_AT) > taken_at))


def test_who_was_taken_for_dead_commits_nothing() -> None:
    """Its slot is another's by then."""
    with new_journal() as (url, options), hold_journal(url, options=options) as (journal, _):
        with closing(journal.slots()) as slots:
            assert slots.take("another", -1, []) is not None
        with closing(journal.outbox(write=True)) as outbox, pytest.raises(Fenced):
            outbox.commit(batch([event(1)]))


def test_what_was_done_counts_although_the_lease_cannot_be_given_back() -> None:
    """It runs out by itself; nor does whoever keeps it up meanwhile end where the tables are gone for a moment."""
    with new_journal() as (url, options), closing(Database(Address.of(url, options), "test")) as database:
        renewals = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'receiver slots' AND state = 'idle'"
        with hold_journal(url, options=replace(options, lease_s=0.5)):
            before = database.one(RENEWED_AT)
            database.execute("ALTER TABLE slots RENAME TO slots_gone")
            until(lambda: database.one(renewals) <= 1)  # a word that failed has ended its connection
            database.execute("ALTER TABLE slots_gone RENAME TO slots")
            until(lambda: bool(database.one(RENEWED_AT) > before))
            database.execute("ALTER TABLE slots RENAME TO slots_gone")
        database.execute("ALTER TABLE slots_gone RENAME TO slots")
        assert database.one("SELECT holder FROM slots") is not None


def test_a_journal_is_made_by_its_url(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whichever engine; safe to repeat."""
    folder = f"sqlite:{tmp_path_factory.mktemp('made')}/journal"
    assert init_journal(folder) == init_journal(folder)
    with new_journal() as (url, options):
        assert "already" in init_journal(url, options=options)[0]


async def test_a_database_that_is_away_is_waited_for_and_then_said() -> None:
    """Callbacks get their 503 once the time is over, and the inbox says why."""
    with new_journal() as (url, options):
        nowhere = replace(options, commit_timeout_s=0.5)
        journal = find_journal(url, options=options)
        away = replace(journal, address=Address.of("postgresql://u@127.0.0.1:1/x", nowhere))  # type: ignore[type-var]
        inbox = away.inbox_writer(InboxLimits())
        with pytest.raises(Unavailable, match="commit_failed"):
            await inbox.append(callback(1))
        assert "inbox: " in (inbox.trouble() or "")
        await asyncio.to_thread(inbox.close)


async def test_a_session_that_the_server_ended_costs_no_callback() -> None:
    """What was under way is appended again over a new connection."""
    with new_journal() as (url, options):
        journal = find_journal(url, options=options)
        inbox = journal.inbox_writer(InboxLimits())
        first = await inbox.append(callback(1))
        with closing(Database(Address.of(url, EngineOptions()), "test")) as database:
            ended = database.one(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE application_name = 'receiver inbox'"
            )
        assert ended > 0
        numbers = await asyncio.gather(*(inbox.append(callback(at)) for at in range(2, 60)))
        assert min(numbers) > first
        with closing(journal.inbox()) as reader:
            assert [entry.number for entry in reader.read(0, 100)] == sorted([first, *numbers])
        assert inbox.trouble() is None
        await asyncio.to_thread(inbox.close)
