"""Several slots in one database: accounts spread over them, move between them, and each part sees its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing

import pytest

from receiver.journal.ports import InboxLimits
from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.holding import held_by_anyone
from receiver.journal.postgres.journal import PostgresJournal, find_journal
from receiver.journal.sharing import Assigned
from receiver.journal.slots import KEEPER, HeldLease, HeldSlot, first_record
from receiver.model.callback import EntryId
from receiver.model.errors import Fenced, JournalError, StoreFailed
from receiver.model.records import Position
from tests.contract.journal.samples import batch, callback, event
from tests.postgres_cluster import new_journal


@pytest.fixture
def journal() -> Iterator[PostgresJournal]:
    """A journal with two slots, which nobody holds."""
    with new_journal() as (url, options):
        made = find_journal(Address.of(url, options))
        with closing(made.accounts()) as accounts:
            assert accounts.add_slots(2) == 2
        yield made


class Slots:
    """Where sources are, as a test says it."""

    def __init__(self, journal: PostgresJournal) -> None:
        self.journal, self.renewed, self.slot = journal, 0, 0

    def __call__(self, source: str) -> int:
        """One source, one account."""
        assert source == "main"
        return self.slot

    def renew(self) -> None:
        """As a process that takes callbacks asks."""
        self.renewed += 1
        with closing(self.journal.accounts()) as accounts:
            self.slot = accounts.slot_of("0xpay", "m")


def test_new_accounts_go_to_the_slot_with_the_fewest(journal: PostgresJournal) -> None:
    """And stay there when more slots come; those that come then fill the new ones first."""
    with closing(journal.accounts()) as accounts:
        assert [accounts.slot_of("0xpay", name) for name in ("a", "b", "c", "a")] == [0, 1, 0, 0]
        assert accounts.add_slots(3) == 3
        assert accounts.add_slots(2) == 3
        assert [accounts.slot_of("0xpay", name) for name in ("d", "a", "e")] == [2, 0, 1]
        assert accounts.assigned()[:2] == [Assigned("0xpay", "a", 0), Assigned("0xpay", "b", 1)]


def test_each_part_is_asked_for_its_own(journal: PostgresJournal) -> None:
    """A request is carried out by the interpreter of the slot, and by no other; nobody can write to a part."""
    for slot in (0, 1):
        with closing(journal.part(slot).requests(write=True)) as requests:
            number = requests.add("close", 1, {"slot": slot})
            assert [one.payload for one in requests.read(0, 10)] == [{"slot": slot}]
        with closing(journal.accounts()) as accounts:
            assert accounts.slots_of([EntryId("requests", number)]) == {EntryId("requests", number): slot}
    with closing(journal.part(1).outbox(write=True)) as outbox, pytest.raises(Fenced):
        outbox.commit(batch([event(first_record(1) + 1)]))


async def test_an_account_moves_under_load_and_no_callback_goes_astray(journal: PostgresJournal) -> None:
    """Only once its old slot is interpreted; whoever appends learns of it by the journal's next era."""
    slots = Slots(journal)
    slots.renew()
    inbox = journal.inbox_writer(InboxLimits(), slots)
    number = await inbox.append(callback(1))
    with closing(journal.accounts()) as accounts, closing(journal.part(1).inbox()) as other:
        for words, account in (("not interpreted", "m"), ("it has no slot", "n")):
            with pytest.raises(JournalError, match=words):
                await asyncio.to_thread(accounts.move, "0xpay", account, 1)
        execute(journal, f"UPDATE slots SET inbox_to = {number} WHERE slot = 0")  # noqa: S608  our own number
        await asyncio.to_thread(accounts.move, "0xpay", "m", 1)
        later = await inbox.append(callback(2))
        assert later > number
        assert [entry.number for entry in other.read(0, 10)] == [later]
        assert accounts.slots_of([EntryId("inbox", n) for n in (number, later, 5)]) == {
            EntryId("inbox", number): 0,
            EntryId("inbox", later): 1,
        }
    await asyncio.to_thread(inbox.close)


def test_what_is_not_on_kafka_keeps_an_account_where_it_is(journal: PostgresJournal) -> None:
    """As far as the publisher noted it."""
    with closing(journal.accounts()) as accounts, closing(journal.slots()) as slots:
        accounts.slot_of("0xpay", "m")
        held = slots.take("test", 60, [1])
        assert held is not None
        part = PostgresJournal(journal.address, journal.journal_id, journal.ring, held)
        with closing(part.outbox(write=True)) as outbox:
            outbox.commit(batch([event(1)]))
            with pytest.raises(JournalError, match="not on Kafka"):
                accounts.move("0xpay", "m", 1)
            found = outbox.read(0, 1)[0]
            outbox.remember("a cluster", Position(1, found.record_id))
        accounts.move("0xpay", "m", 1)
        assert accounts.slot_of("0xpay", "m") == 1


async def test_a_database_that_counts_anew_is_adopted(journal: PostgresJournal) -> None:
    """As after a restore from a dump: nothing is taken before, and numbers go on above those that are there."""
    inbox = journal.inbox_writer(InboxLimits(), None)
    first = await inbox.append(callback(1))
    await asyncio.to_thread(inbox.close)
    execute(journal, "UPDATE journal SET era = era - 1000000")
    with closing(journal.crew()) as crew:
        crew.attend("worker", 60)
        with pytest.raises(JournalError, match="stop all services"):
            await asyncio.to_thread(journal.adopt)
        crew.leave("worker")
    assert await asyncio.to_thread(journal.adopt) is not None
    assert await asyncio.to_thread(journal.adopt) is None
    inbox = journal.inbox_writer(InboxLimits(), None)
    assert await inbox.append(callback(2)) > first
    await asyncio.to_thread(inbox.close)


def test_a_lost_slot_is_told_by_its_epoch(journal: PostgresJournal) -> None:
    """Whoever held it before commits nothing, and its word that it is there is not believed."""
    with closing(journal.slots()) as slots:
        first = slots.take("a", 60, [1])
        assert first == HeldSlot(0, 1)
        assert slots.take("b", 60, [1]) is None
        execute(journal, "UPDATE slots SET renewed_at = renewed_at - interval '2 minutes' WHERE slot = 0")
        second = slots.take("b", 60, [1])
        assert second == HeldSlot(0, 2)
        assert not slots.renew("a", first)
        assert slots.renew("b", second)
    for held, fine in ((first, False), (second, True)):
        part = PostgresJournal(journal.address, journal.journal_id, journal.ring, held)
        with closing(part.outbox(write=True)) as outbox:
            if fine:
                outbox.commit(batch([event(1)]))
            else:
                with pytest.raises(Fenced):
                    outbox.commit(batch([event(1)]))


def test_a_lease_of_a_time_to_come_has_run_out(journal: PostgresJournal) -> None:
    """The clock was set back, or a server whose clock is behind took over: who died then is not believed for hours."""
    with closing(journal.slots()) as slots, closing(journal.crew()) as crew:
        first = slots.take("a", 5, [1])
        lease = slots.take_lease(KEEPER, "a", 5)
        assert first is not None
        assert lease is not None
        crew.attend("a", 5)
        for table in ("slots SET renewed_at", "leases SET renewed_at", "crew SET seen_at"):
            execute(journal, f"UPDATE {table} = clock_timestamp() + interval '1 hour'")
        assert crew.attend("b", 5) == 1
        assert not held_by_anyone(journal.address)
        assert slots.workers(5) == 0
        assert slots.take("b", 5, [1]) == HeldSlot(0, first.epoch + 1)
        assert slots.take_lease(KEEPER, "b", 5) == HeldLease(KEEPER, lease.epoch + 1)


def execute(journal: PostgresJournal, sql: str) -> None:
    """Do to the database what only a test does."""
    with closing(Database(journal.address, "test")) as database:
        database.execute(sql)


def test_nobody_is_there_where_the_database_is_not() -> None:
    """It is said, and tried again by whoever asks."""
    away = PostgresJournal(Address.of("postgresql://nobody@127.0.0.1:9/none"), "id")
    with closing(away.crew()) as crew, pytest.raises(StoreFailed):
        crew.attend("a", 5)
