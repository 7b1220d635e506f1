"""What a person asks of the topics: a look that changes nothing, and to take what somebody changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from receiver.journal.handle import Journal
from receiver.journal.memory.journal import MemoryJournal
from receiver.model.errors import ConfigurationError, JournalError, KafkaFenced, KafkaUnavailable, ReceiverError
from receiver.model.records import Position
from receiver.operate import journal as operate_journal
from receiver.operate.context import Context
from receiver.operate.topics import accept_partitions, look
from receiver.publish.ports import Expected, Finding, Message, Spread
from receiver.publish.spread import RememberedSpread
from receiver.sandbox.fakes import FakeClock, FakeKafka, FakePublisher
from tests.contract.journal.samples import batch, event
from tests.support import Lines

TOPIC = "exchange.status.v1"


class Runs:
    """None."""

    def save(self, run_id: str, document: object) -> None:
        """Nothing."""

    def load(self, run_id: str) -> dict[str, object]:
        """Nothing."""
        return {}

    def listed(self) -> list[tuple[str, dict[str, object]]]:
        """None."""
        return []


@dataclass
class Watched(FakeKafka):
    """A Kafka that keeps what a look at it is held against."""

    seen: list[Expected] = field(default_factory=list)

    async def survey(self, expected: Expected) -> list[Finding]:
        """Keep it."""
        self.seen.append(expected)
        return await super().survey(expected)


def context(journal: MemoryJournal | None, kafka: FakeKafka | None) -> Context:
    """Handles on them; without a journal there is none yet."""

    def opened() -> Journal:
        if journal is None:
            raise JournalError("there is no journal yet")
        return journal

    return Context(FakeClock(), Lines(), 1000, False, Runs(), opened, dict, lambda: kafka)


async def test_a_look_is_held_against_what_the_journal_remembers() -> None:
    """And against this machine's clock, and the largest record there can be."""
    journal, kafka = MemoryJournal(), Watched(missing={TOPIC})
    journal.outbox().note_topic_partitions("fake-cluster", {TOPIC: 3})
    (finding,) = await look(context(journal, kafka))
    assert TOPIC in finding.text
    (expected,) = kafka.seen
    assert (expected.journal_id, expected.record_bytes_max) == (journal.journal_id, 1000)
    assert expected.topic_partitions("fake-cluster") == {TOPIC: 3}
    assert expected.now_us() == FakeClock().us


async def test_before_there_is_a_journal_one_looks_all_the_same() -> None:
    """``check --kafka`` comes before the first start."""
    kafka = Watched()
    assert await look(context(None, kafka)) == []
    assert kafka.seen[0].journal_id is None
    assert kafka.seen[0].topic_partitions("fake-cluster") == {}
    with pytest.raises(ConfigurationError):
        await look(context(None, None))


async def test_a_changed_count_is_accepted_beside_a_running_relay() -> None:
    """Its next transaction goes by it; to accept it again is nothing."""
    journal, kafka = MemoryJournal(), FakeKafka()
    spread = RememberedSpread(journal.outbox(), Lines())
    publisher = kafka.publisher("journal", spread)
    await publisher.connect()
    message = Message(TOPIC, b"key", b"1", (), 1)
    await publisher.publish([message], Position(1, "id-1"))
    kafka.partitions[TOPIC] = 6
    await publisher.publish([message], Position(2, "id-2"))
    assert [str(change).partition(",")[0] for change in spread.changed] == [f"topic {TOPIC} has 6 partitions"]
    assert await accept_partitions(context(journal, kafka), TOPIC) == (1, 6)
    assert await accept_partitions(context(journal, kafka), TOPIC) == (6, 6)
    await publisher.publish([message], Position(3, "id-3"))
    assert spread.changed == []
    kafka.partitions[TOPIC] = 2
    with pytest.raises(KafkaUnavailable, match="receiver topics accept"):
        await publisher.publish([message], Position(4, "id-4"))
    assert await accept_partitions(context(journal, kafka), TOPIC) == (6, 2)
    await publisher.publish([message], Position(4, "id-4"))


@pytest.mark.parametrize("topic", ["another", "receiver.positions", "payout.status.v1"])
async def test_only_a_topic_of_ours_that_is_there_can_be_accepted(topic: str) -> None:
    """Nothing is noted for another."""
    journal = MemoryJournal()
    with pytest.raises(ReceiverError, match=topic):
        await accept_partitions(context(journal, FakeKafka(missing={"payout.status.v1"})), topic)
    assert journal.outbox().topic_partitions("fake-cluster") == {}


class Forgetful(FakeKafka):
    """A Kafka that takes positions and gives none back."""

    def publisher(self, journal_id: str, spread: object = None) -> FakePublisher:
        """One that keeps nothing."""
        del journal_id, spread
        return ForgetfulPublisher(self, "nobody")


class ForgetfulPublisher(FakePublisher):
    """Acknowledges."""

    async def publish(self, messages: Sequence[Message], position: Position) -> None:
        """And keeps nothing."""


@dataclass
class Crossed(FakeKafka):
    """A Kafka at which a service looks after its journal, between a publisher's connecting and its publishing."""

    times: int = 0
    """How often."""
    goes_on: Position | None = None
    """What that service writes, where it finds that the two fit by now."""

    def publisher(self, journal_id: str, spread: Spread | None = None) -> FakePublisher:
        """One that is fenced."""
        return CrossedPublisher(self, journal_id, spread)

    async def look(self, journal_id: str) -> None:
        """Be that service."""
        if self.times:
            self.times -= 1
            other = FakePublisher(self, journal_id)
            await other.connect()
            if self.goes_on is not None:
                await other.publish([], self.goes_on)


class CrossedPublisher(FakePublisher):
    """Publishes a moment too late."""

    async def publish(self, messages: Sequence[Message], position: Position) -> None:
        """As long as somebody looks."""
        assert isinstance(self._kafka, Crossed)
        await self._kafka.look(self._owner)
        await super().publish(messages, position)


def without_memory() -> MemoryJournal:
    """A journal whose first record Kafka had confirmed, and of which it knows nothing now."""
    journal = MemoryJournal()
    journal.outbox().commit(batch([event(1)]))
    journal.outbox().remember("fake-cluster", Position(1, "id-1"))
    return journal


@pytest.mark.parametrize(("times", "goes_on"), [(operate_journal.TRIES - 1, None), (1, Position(1, "id-1"))])
async def test_rejoin_goes_on_beside_a_service_that_looks_whether_they_fit(
    times: int, goes_on: Position | None
) -> None:
    """It tries again, or finds that the service has gone on already."""
    journal, kafka = without_memory(), Crossed(times=times, goes_on=goes_on)
    assert await operate_journal.rejoin(context(journal, kafka), lambda _fault, _plan: True) is not None
    assert kafka.positions[journal.journal_id] == Position(1, "id-1")
    assert kafka.times == 0
    assert await operate_journal.rejoin(context(journal, kafka), lambda _fault, _plan: True) is None


async def test_rejoin_beside_another_that_publishes_for_the_journal_is_fenced() -> None:
    """Whoever it is does not leave off: there are two services, or two who rejoin."""
    journal, kafka = without_memory(), Crossed(times=operate_journal.TRIES)
    with pytest.raises(KafkaFenced):
        await operate_journal.rejoin(context(journal, kafka), lambda _fault, _plan: True)
    assert kafka.positions == {}


async def test_rejoin_fails_where_what_it_wrote_is_not_read_back() -> None:
    """It does not say "done" and leave a relay that stays stopped; the journal's own copy is not touched either."""
    journal, kafka = MemoryJournal(), Forgetful()
    journal.outbox().remember("fake-cluster", Position(5, "id-5"))
    with pytest.raises(ReceiverError, match=r"Kafka took the position .* and does not give it back.*check --kafka"):
        await operate_journal.rejoin(context(journal, kafka), lambda _fault, _plan: True)
    assert journal.outbox().remembered("fake-cluster") == Position(5, "id-5")


async def test_rejoin_is_done_where_it_is_read_back() -> None:
    """Also where the relay has gone on by then."""
    journal, kafka = MemoryJournal(), FakeKafka()
    journal.outbox().remember("fake-cluster", Position(5, "id-5"))
    assert await operate_journal.rejoin(context(journal, kafka), lambda _fault, _plan: True) is not None
    written = kafka.positions[journal.journal_id]
    await operate_journal._read_back(kafka, journal.journal_id, written)
    kafka.positions[journal.journal_id] = Position(written.number + 3, "later")
    await operate_journal._read_back(kafka, journal.journal_id, written)
    kafka.positions[journal.journal_id] = Position(written.number, "another history")
    with pytest.raises(ReceiverError):
        await operate_journal._read_back(kafka, journal.journal_id, written)
