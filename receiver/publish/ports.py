"""Kafka, as we need it: one handle on the cluster that is configured, and the publishers made from it.

``publish/kafka`` implements both, and so do the fakes of ``sandbox``; one contract suite runs over the two.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from typing import Protocol

from receiver.model.frozen import dataclass
from receiver.model.records import OutboxRecord, Position


@dataclass(frozen=True, slots=True)
class Message:
    """One Kafka record, ready to send. ``record`` is the outbox number it came from."""

    topic: str
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    record: int


@dataclass(frozen=True, slots=True)
class Memory:
    """What a Kafka cluster remembers of this journal."""

    cluster_id: str
    position: Position | None
    note: str = ""
    """What a person should be told of the look into it."""


@dataclass(frozen=True, slots=True)
class Tailed:
    """One committed record, as a consumer sees it."""

    topic: str
    partition: int
    offset: int
    key: str
    headers: tuple[tuple[str, bytes], ...]
    value: bytes


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found out of order by a look at the cluster."""

    fault: bool
    """Whether it keeps records from going through, or breaks a promise; else it is only to be known."""
    text: str
    """In one sentence, naming the topic or the setting."""
    mend: str = ""
    """The command, or the change of a setting, that mends it."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a look at the cluster is held against."""

    journal_id: str | None
    """Whose transactions are to be allowed; None where no journal was made yet."""
    topic_partitions: Callable[[str], Mapping[str, int]]
    """Cluster id → topic → the number of partitions that its keys are spread over, where it is known."""
    record_bytes_max: int
    """The largest value of a record, bytes."""
    now_us: Callable[[], int]
    """What this machine takes for the time, Unix microseconds."""


class Spread(Protocol):
    """How many partitions the keys of each topic are spread over, remembered over restarts."""

    def over(self, cluster_id: str, there: Mapping[str, int], *, fresh: bool) -> Mapping[str, int]:
        """Give that number for each topic of ``there``, which says how many partitions there are.

        ``fresh``: False where that may be some seconds old. So it can tell that there are more by now, and not that
        there are fewer, or that a change was undone.

        A topic that is seen for the first time keeps what it has now; one whose number has changed keeps the old
        number, and that is said, until a person accepts the new one. Raises ``StoreFailed``.
        """


Places = dict[tuple[str, int], tuple[int, int]]
"""(topic, outbox number) → (partition, offset)."""


class Publisher(Protocol):
    """What sends records. After any error: ``close`` it, make a new one, ``connect`` again."""

    async def connect(self) -> Memory:
        """Start the producer, which fences an older one, end what it left open, then read back the position.

        Raises ``KafkaUnavailable`` when the cluster or the positions topic is not there.
        """

    async def publish(self, messages: Sequence[Message], position: Position) -> None:
        """Send all messages and the position, in one transaction, or with ``at_least_once`` one after the other.

        Returns when a reader of what is committed can see them.
        Raises ``KafkaUnavailable``, ``KafkaFenced`` or ``RecordRefused``; the transaction is then aborted.
        """

    def throttled_s(self) -> float:
        """How long, s, the brokers have asked this publisher to wait before it sends again; 0: not at all.

        ``publish`` waits for that by itself. Who asks before can say so, and knows what the last batch cost.
        """

    def quiet_s(self) -> float:
        """For how long, s, the brokers have confirmed no part of what ``publish`` sends; infinite: never yet.

        The waits that they asked for do not count, errors that they ask to be tried again do.
        """

    def trouble(self) -> str:
        """Why the brokers do not take what ``publish`` sends, as they said it last; empty where they said nothing."""

    async def probe(self, topics: Collection[str]) -> None:
        """Raise ``KafkaUnavailable``, naming it, if one of ``topics`` is not there or has no leader."""

    async def close(self) -> None:
        """Let go within a few seconds, whatever state the broker is in; never raises."""


class Kafka(Protocol):
    """The cluster that is configured, its topics and its routes. It holds no connection: each call makes its own.

    All that speaks to a broker raises ``KafkaUnavailable`` where none answers.
    """

    @property
    def status_topics(self) -> Sequence[str]:
        """Every topic that a status event can reach; the compacted ones, which repeat the latest, are apart."""

    @property
    def event_topics(self) -> Sequence[str]:
        """Every topic that a record of the outbox can reach: those, the compacted ones and the quarantine topic."""

    @property
    def all_topics(self) -> Sequence[str]:
        """Every topic of ours: those, and the positions topic at the end."""

    @property
    def transaction_timeout_s(self) -> float:
        """After so long, s, the brokers end the transaction of a publisher that vanished."""

    def publisher(self, journal_id: str, spread: Spread | None = None) -> Publisher:
        """Give a new publisher for a journal; once connected it fences the journal's older ones.

        Without ``spread`` keys go over all the partitions that are there.
        """

    def replay_publisher(self, run_id: str, journal_id: str, topic: str, spread: Spread | None = None) -> Publisher:
        """Give a new publisher for one run of ``receiver replay`` to ``topic``, with a position of the run's own.

        It fences older ones of the same run only, and never the journal's relay.
        """

    async def memory(self, journal_id: str) -> Memory:
        """Look what the cluster remembers of a journal, and fence nobody."""

    def route(self, record: OutboxRecord, journal_id: str) -> Sequence[Message]:
        """Give the messages of one record, one for each topic that it goes to."""

    def tail(self, topics: Sequence[str], *, follow: bool) -> AsyncIterator[Tailed]:
        """Give what is committed to ``topics``, from the beginning to the end they have now; on with ``follow``.

        Order holds within a partition. A topic that is not there is left out.
        """

    async def find(self, messages: Sequence[Message], since_ms: int) -> Places:
        """Find where those of ``messages`` lie that are there, written at ``since_ms`` (Unix milliseconds) or later."""

    async def create_topics(self) -> list[tuple[str, str]]:
        """Make what is missing of ``all_topics``; gives (topic, ``created`` or ``exists``). Safe to repeat.

        Raises ``ReceiverError`` where a topic cannot serve; and, once all that was missing is made, where one has
        another number of partitions: changing it would break the order per key.
        """

    async def topic_partitions(self) -> tuple[str, Mapping[str, int]]:
        """Give the cluster's id, and how many partitions those of ``event_topics`` have that are there."""

    async def survey(self, expected: Expected) -> list[Finding]:
        """Look at all that publishing takes for granted of the cluster; creates nothing, and writes no record.

        Does not raise where no broker answers: that is a finding, too.
        """

    async def missing_topics(self) -> list[str]:
        """Those of ``all_topics`` that the cluster does not have."""
