"""``rejoin`` of a slot above 0 after a failover that lost the newest, on a real database and a Kafka in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import pytest

from receiver.journal.entries import open_stores
from receiver.journal.ports import InboxLimits
from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.journal import PostgresJournal, find_journal
from receiver.journal.slots import HeldSlot, first_record
from receiver.model.callback import VerifiedCallback
from receiver.model.errors import JournalError
from receiver.operate import journal as journal_operate
from receiver.operate.context import Context, make_interpreter
from receiver.operate.rejoin_plan import Plan
from receiver.publish import relay as relay_module
from receiver.publish.metrics import PublishMetrics
from receiver.publish.refused import refused
from receiver.publish.relay import Relay
from receiver.publish.routing import position_id
from receiver.sandbox.fakes import FakeKafka
from tests.operate.desk import context_of, exchange
from tests.postgres_cluster import new_journal
from tests.support import NOW_S, Way

SLOT = 1
FIRST = first_record(SLOT)
OF_SLOT = ("callbacks", "records", "outcomes", "operations", "contents", "kafka_memory")
"""The tables that a failover takes back."""


@dataclass
class Worker:
    """One slot's holder, with what its processes do, step by step."""

    journal: PostgresJournal
    held: HeldSlot
    way: Way = field(default_factory=Way)
    kafka: FakeKafka = field(default_factory=FakeKafka)

    @property
    def part(self) -> PostgresJournal:
        """The slot, in our hands."""
        return replace(self.journal, held=self.held)

    @property
    def context(self) -> Context:
        """What a person works with."""
        return replace(context_of(self.way, self.kafka), open_journal=lambda: self.journal)

    @property
    def position(self) -> int:
        """Kafka's, counted within the slot."""
        return self.kafka.positions[position_id(self.journal.journal_id, SLOT)].number - FIRST

    async def take(self, *identities: str) -> list[int]:
        """Have callbacks of that many operations, answered 200, and interpret them; their numbers."""
        provider, source = self.way.rules.sources["0xpay-main"]
        bodies = [exchange(identity) for identity in identities]
        signed = [
            VerifiedCallback(source.name, NOW_S * 1_000_000, provider.sign(one, source, NOW_S), one) for one in bodies
        ]
        inbox = self.part.inbox_writer(InboxLimits())
        try:
            numbers = [await inbox.append(one) for one in signed]
        finally:
            await asyncio.to_thread(inbox.close)
        self.interpret()
        return numbers

    def interpret(self) -> None:
        """All that waits."""
        with open_stores(self.part, write=True) as stores:
            interpreter = make_interpreter(self.context, stores)
            while interpreter.step():
                pass

    async def relay(self, until: str, *, goes_on: bool = False) -> Any:
        """Publish until its state is this, and nothing waits where that is asked; gives the state."""
        with closing(self.part.outbox(write=True)) as outbox, closing(self.part.outbox()) as ours:
            published_as = position_id(self.journal.journal_id, SLOT)
            relay = Relay(
                outbox=outbox,
                make_publisher=lambda: self.kafka.publisher(published_as),
                route=lambda record: self.kafka.route(record, self.journal.journal_id),
                refused=lambda one, why: refused(one, None, why, frozenset()),
                topics=self.kafka.event_topics,
                transaction_timeout_s=1,
                clock=self.way.clock,
                log=self.way.log,
                metrics=PublishMetrics(),
                first=FIRST,
            )
            running = asyncio.create_task(relay.run())
            async with asyncio.timeout(60):
                while relay.state.word != until or (goes_on and relay.state.position.number < ours.last_number()):
                    await asyncio.sleep(0.01)
            relay.stop()
            await running
            return relay.state

    def events(self) -> list[tuple[int, str, int]]:
        """(number within the slot, operation, sequence) of all that consumers see, in order."""
        said = [
            (dict(one.headers)["receiver-position"].decode(), orjson.loads(one.value)) for one in self.kafka.messages
        ]
        return [
            (int(position.rpartition(":")[2]) - FIRST, event["operation_id"], event["sequence"])
            for position, event in said
        ]

    def records(self) -> list[int]:
        """Numbers within the slot of what the outbox holds."""
        with closing(self.part.outbox()) as outbox:
            return [record.number - FIRST for record in outbox.read(FIRST, 100)]

    def execute(self, sql: str) -> None:
        """Change the tables by hand."""
        with closing(Database(self.journal.address, "test")) as database:
            database.execute(sql)

    def copy(self) -> None:
        """Be copied to a replica, as far as this."""
        for table in (*OF_SLOT, "slots"):
            self.execute(f"CREATE TABLE copy_of_{table} AS TABLE {table}")

    def fail_over(self) -> None:
        """Have that replica for a primary: what came since is gone, as if it had never been."""
        for table in OF_SLOT:
            self.execute(
                f"DELETE FROM {table}; "  # noqa: S608  the names are ours
                f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM copy_of_{table}; "
                f"DROP TABLE copy_of_{table}"
            )
        self.execute(
            "UPDATE slots SET inbox_to = copied.inbox_to, inbox_digest = copied.inbox_digest,"
            " last_record = copied.last_record FROM copy_of_slots AS copied WHERE copied.slot = slots.slot;"
            "DROP TABLE copy_of_slots"
        )

    async def rejoin(self, *, agrees: bool = True, slot: int = SLOT) -> tuple[str, Plan] | None:
        """As the command does."""
        return await journal_operate.rejoin(self.context, lambda _fault, _plan: agrees, slot)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of a test's length."""
    for name in ("RETRY_MIN_S", "RETRY_MAX_S", "STOPPED_RETRY_S", "PROBE_S", "PROBE_DOWN_S", "PACE_MIN_S"):
        monkeypatch.setattr(relay_module, name, 0.01)


@pytest.fixture
def worker() -> Iterator[Worker]:
    """It holds slot 1 of two."""
    with new_journal(keep_sessions=True) as (url, options):
        journal = find_journal(Address.of(url, options))
        with closing(journal.accounts()) as accounts, closing(journal.slots()) as slots:
            accounts.add_slots(2)
            held = slots.take("worker", 600, [0])
        assert held == HeldSlot(SLOT, 1)
        made = Worker(journal, held)
        yield made
        made.execute("".join(f"DROP TABLE IF EXISTS copy_of_{table};" for table in (*OF_SLOT, "slots")))


async def test_what_a_failover_lost_is_taken_over_from_kafka(worker: Worker) -> None:
    """The slot stops aloud, the plan names what Kafka alone has, and then all goes on without a repeat or a gap."""
    await worker.take("kept-1", "kept-2")
    await worker.relay("up", goes_on=True)
    worker.copy()
    await worker.take("lost-3", "kept-1b")
    await worker.relay("up", goes_on=True)
    before = worker.events()
    worker.fail_over()
    assert worker.records() == [1, 2]

    state = await worker.relay("stopped")
    assert f"Kafka has this journal's records up to {FIRST + 4}, the outbox ends at {FIRST + 2}" in state.detail
    assert worker.way.log.named("relay.kafka_stopped")
    checked = await journal_operate.check(worker.context)
    assert [fault for fault in checked.faults if fault.startswith("slot 1: ") and "older copy" in fault]
    assert (
        checked.kafka
        == "slot 0: Kafka has this journal's records up to 0, the outbox ends at 0; slot 1: Kafka's memory does not fit"
    )

    refused = await worker.rejoin(agrees=False)
    assert refused is not None
    assert worker.records() == [1, 2]
    agreed = await worker.rejoin()
    assert agreed == refused
    assert agreed[1].lines() == [
        f"our records up to {FIRST + 2} stay",
        f"taken over from Kafka: 2 records, {FIRST + 3} to {FIRST + 4}",
        f"the relay goes on after record {FIRST + 4}",
    ]
    assert worker.records() == [1, 2, 3, 4]
    assert await worker.rejoin() is None

    await worker.take("lost-3", "new-5")  # the provider sends one of the lost again
    await worker.relay("up", goes_on=True)
    assert worker.events() == [*before, (5, "new-5", 1)]
    assert (await journal_operate.check(worker.context)).faults == []


async def test_callbacks_that_came_before_anybody_looked_are_interpreted_again(worker: Worker) -> None:
    """They had got a number that Kafka knows as another's; they get new ones, since none is ever given twice."""
    await worker.take("kept-1")
    await worker.relay("up", goes_on=True)
    worker.copy()
    await worker.take("lost-2")
    await worker.relay("up", goes_on=True)
    worker.fail_over()
    await worker.take("late-2", "late-3")
    assert worker.records() == [1, 2, 3]
    assert "these are different histories" in (await worker.relay("stopped")).detail
    assert worker.position == 2
    agreed = await worker.rejoin()
    assert agreed is not None
    assert agreed[1].lines()[:2] == [
        f"our records up to {FIRST + 1} stay",
        f"taken over from Kafka: 1 records, {FIRST + 2} to {FIRST + 2}",
    ]
    worker.interpret()
    await worker.relay("up", goes_on=True)
    assert worker.events() == [(1, "kept-1", 1), (2, "lost-2", 1), (4, "late-2", 1), (5, "late-3", 1)]
    assert (await journal_operate.check(worker.context)).faults == []


async def test_what_neither_of_the_two_has_is_named(worker: Worker) -> None:
    """Kafka's retention took records that the failover lost: their numbers are told before anything is changed."""
    await worker.take("kept-1")
    await worker.relay("up", goes_on=True)
    worker.copy()
    await worker.take("gone-2", "lost-3", "gone-4")
    await worker.relay("up", goes_on=True)
    worker.fail_over()
    worker.kafka.messages = [one for one in worker.kafka.messages if b"gone-" not in one.value]
    agreed = await worker.rejoin()
    assert agreed is not None
    assert agreed[1].lines()[1:] == [
        f"taken over from Kafka: 1 records, {FIRST + 3} to {FIRST + 3}",
        f"Kafka no longer holds, and this journal never had: {FIRST + 2}, {FIRST + 4}",
        f"the relay goes on after record {FIRST + 4}",
    ]
    await worker.take("new-5")
    await worker.relay("up", goes_on=True)
    assert worker.events() == [(1, "kept-1", 1), (3, "lost-3", 1), (5, "new-5", 1)]


async def test_a_slot_whose_first_records_are_all_lost_begins_with_kafkas(worker: Worker) -> None:
    """Not with number 1, which is slot 0's."""
    worker.copy()
    await worker.take("lost-1", "lost-2")
    await worker.relay("up", goes_on=True)
    worker.fail_over()
    assert worker.records() == []
    assert "older copy" in (await worker.relay("stopped")).detail
    agreed = await worker.rejoin()
    assert agreed is not None
    assert (agreed[1].keep_to, agreed[1].missing) == (FIRST, ())
    assert worker.records() == [1, 2]
    await worker.take("new-3")
    await worker.relay("up", goes_on=True)
    assert worker.events() == [(1, "lost-1", 1), (2, "lost-2", 1), (3, "new-3", 1)]


async def test_what_kafka_lost_is_published_again_and_only_that(worker: Worker) -> None:
    """A cluster that was restored too knows an older position of this slot."""
    await worker.take("kept-1")
    await worker.relay("up", goes_on=True)
    messages, positions = list(worker.kafka.messages), dict(worker.kafka.positions)
    await worker.take("lost-2", "lost-3")
    await worker.relay("up", goes_on=True)
    before = worker.events()
    worker.kafka.messages, worker.kafka.positions = messages, positions
    assert "it lost what it had acknowledged" in (await worker.relay("stopped")).detail
    agreed = await worker.rejoin()
    assert agreed is not None
    assert agreed[1].publish == (range(FIRST + 2, FIRST + 4),)
    assert worker.events() == before
    assert worker.position == 3


async def test_the_other_slot_is_left_as_it_is(worker: Worker) -> None:
    """It fits, and there is no third."""
    await worker.take("lost-1")
    await worker.relay("up", goes_on=True)
    worker.execute("DELETE FROM kafka_memory")
    worker.kafka.positions[position_id(worker.journal.journal_id, SLOT)] = replace(
        worker.kafka.positions[position_id(worker.journal.journal_id, SLOT)], number=FIRST + 2, record_id="another"
    )
    assert await worker.rejoin(slot=0) is None
    with pytest.raises(JournalError, match="has no slot 2"):
        await worker.rejoin(slot=2)
    agreed = await worker.rejoin()
    assert agreed is not None
    assert agreed[1].missing == (range(FIRST + 2, FIRST + 3),)
    assert worker.records() == [1, 2]
