"""The relay: from the outbox to Kafka, exactly once and in order.

Theory of operation. Records are read in outbox order and sent in batches; a batch and the position it reaches are
one Kafka transaction, so a crash between "sent" and "remembered" can neither repeat nor lose a record. On any error the
producer is dropped and a new one made: it fences the old one, Kafka is asked how far it came, and the pure
``position.decide_start`` compares that with what the outbox knows. Where the two do not fit, the relay stops, says why,
and looks again now and then; callbacks are taken all the while. The outbox may be exchanged within a session too: a
replica that was behind takes over, and its connections are made anew without a word. So with each batch, and with each
look at Kafka, the outbox is asked whether it still has the record that was published last; if not, the session ends.

A slow Kafka is still a Kafka: ``batch_size`` finds out how much it takes, what the brokers ask to wait is waited, and
only a transaction of which nothing is confirmed for a while is given up. ``up`` is said while records go through: after
anything failed that is once a batch was published, or once all is well and nothing waits. The same holds for the wait
between sessions, which grows until a batch is published: that a session could begin proves nothing.

Only one error makes a record wait no longer: that it is too large for the broker. All others are the world's.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace

from receiver.journal.ports import Outbox
from receiver.model.clock import Clock
from receiver.model.errors import Fenced, KafkaFenced, KafkaStopped, KafkaUnavailable, RecordRefused, StoreFailed
from receiver.model.log import Log
from receiver.model.records import NOTHING_PUBLISHED, OutboxRecord, Position
from receiver.publish.batch_size import first_batch_size
from receiver.publish.metrics import PublishMetrics
from receiver.publish.pace import Pace
from receiver.publish.ports import Memory, Message, Publisher
from receiver.publish.position import Start, is_there, start_of
from receiver.publish.relay_state import (
    Connected,
    Disconnected,
    State,
    confirmed,
    connected,
    failed,
    has_all,
    lacks,
    stopped,
)

FULL_BYTES = 4 * 1024 * 1024
"""Bytes of values that make a batch full, however many records it has. A read of the outbox ends at twice that."""
PACE_MIN_S, PACE_MAX_S, PACE_RECORD_S = 0.02, 0.15, 0.0002
"""From the beginning of one transaction to that of the next, while the relay is not behind: ``PACE_RECORD_S`` for each
record of the first, but at least ``PACE_MIN_S`` and at most ``PACE_MAX_S``. A transaction costs the brokers the same
however many records it has, so few large ones are better. The least pause is short, so that at a moderate rate records
go out at once: they come in the interpreter's batches, which are further apart than that. Measured beside a broker on
two cores: at 1000 callbacks a second the slowest hundredth of the answers took 0.7 ms with transactions 50 ms apart and
1.6 without a pause; at saturation 6.7 ms with pauses that grow above 5000 a second, and 7.6 with 40 ms always.
"""
PROBE_S = 10.0
"""How often the relay asks whether Kafka and its topics are there: ``/readyz`` is to be true within 30 s. Also while
records go through, since those tell nothing of a topic that none of them is for, or of partitions that were added."""
PROBE_DOWN_S = 1.0
"""The same while something is missing, so that the backlog drains soon after it is back."""
PUBLISH_TIMEOUT_MAX_S = 25.0
"""Kafka counts as away when it has confirmed nothing of a batch for this long, what it asked to wait apart."""
SLOW_S = 3.0
"""While a transaction takes longer than this, or the brokers ask to wait longer before it, it is not said that records
go through, whatever becomes of it."""
RETRY_MIN_S, RETRY_MAX_S = 0.2, 5.0
"""Back-off between sessions with Kafka, doubled each time until a batch is published, with jitter."""
STORE_RETRY_MAX_S = 1.0
"""The same where the journal failed, which is asked before Kafka is: a database that is back costs events no more."""
REMEMBER_S = 1.0
"""Between two notes of Kafka's position in the outbox. Each note is a commit with an fsync, and callbacks wait for that
disk too. A crash before the note loses nothing: Kafka's own copy of the position is the truth."""
STOPPED_RETRY_S = 10.0
"""How often a stopped relay looks whether somebody mended the journal."""


def pace_s(records: int) -> float:
    """The time from the beginning of a transaction of so many records to that of the next one, s."""
    return min(PACE_MAX_S, max(PACE_MIN_S, records * PACE_RECORD_S))


class Relay:
    """Publishes the outbox until it is told to stop."""

    def __init__(  # noqa: PLR0913  it is wired once, by name, in the publish process
        self,
        *,
        outbox: Outbox,
        make_publisher: Callable[[], Publisher],
        route: Callable[[OutboxRecord], Sequence[Message]],
        refused: Callable[[OutboxRecord, str], OutboxRecord],
        topics: Sequence[str],
        transaction_timeout_s: float,
        clock: Clock,
        log: Log,
        metrics: PublishMetrics,
        still_ours: Callable[[], bool] = lambda: True,
        first: int = 0,
    ) -> None:
        """``still_ours`` says whether the slot of the journal is still in our hands; it may ask a database.

        ``first`` is the number below the slot's first record, where an outbox without records ends.
        """
        self._still_ours, self._first = still_ours, first
        self._outbox = outbox
        self._make_publisher = make_publisher
        self._route = route
        self._refused = refused
        self._size, self._pace = first_batch_size(), Pace()
        self._topics = tuple(topics)
        self._quiet_max_s = min(transaction_timeout_s + 5, PUBLISH_TIMEOUT_MAX_S)
        self._clock = clock
        self._log = log
        self._metrics = metrics
        self._work = asyncio.Event()
        self._stopping = asyncio.Event()
        self._renewing = asyncio.Event()
        self._noted_s = -math.inf
        self._asked_until_s = -math.inf
        # Until Kafka is asked, our own copy of the position is the best guess for whoever looks at us.
        remembered = outbox.latest_remembered()
        self.state: State = Disconnected(NOTHING_PUBLISHED if remembered is None else remembered[1])

    def wake(self) -> None:
        """The outbox has new records."""
        self._work.set()

    def stop(self) -> None:
        """Finish the transaction under way, then return from ``run``."""
        self._stopping.set()
        self._work.set()

    def renew(self) -> None:
        """Finish the transaction under way, then go on with a new publisher, at once: its options have changed."""
        self._renewing.set()
        self._work.set()

    async def run(self) -> None:
        """Publish until ``stop``; raises ``Fenced`` when the slot is another's, and nothing for Kafka or the disk."""
        while not self._stopping.is_set():
            try:
                await self._session()
            except KafkaStopped as error:
                self._become(stopped(self.state, str(error)))
                await self._pause(STOPPED_RETRY_S)
            except Fenced:
                raise
            except StoreFailed as error:
                await self._fail(str(error), STORE_RETRY_MAX_S)
            except (KafkaUnavailable, KafkaFenced, TimeoutError) as error:
                await self._fail(str(error) or type(error).__name__)
            except RecordRefused:
                continue  # ``_narrow`` has done what is to be done; the next session sends what is left
            except Exception as error:  # noqa: BLE001  a bug of ours: the next session asks Kafka and tries again
                self._log.exception("relay.bug")
                await self._fail(f"internal error: {type(error).__name__}")

    async def _session(self) -> None:
        self._renewing.clear()
        await self._need_slot()
        publisher = self._make_publisher()
        try:
            memory = await publisher.connect()
            start = await asyncio.to_thread(start_of, memory, self._outbox)
            await self._need_slot()
            self._begin(memory, start)
            await self._probe(publisher)
            async with self._watched(publisher) as watching:
                while not self._stopping.is_set() and not self._renewing.is_set():
                    await self._step(publisher)
                    if watching.done():
                        watching.result()
        finally:
            self._asked_until_s = self._clock.monotonic_s() + publisher.throttled_s()
            with contextlib.suppress(StoreFailed):  # it is only a copy: a later session notes where it is by then
                await self._note()
            await publisher.close()

    async def _need_slot(self) -> None:
        # Connecting fences whoever published before. A holder that was paused would do no harm by it, since position
        # and records are one transaction; but the two would go on ending each other's sessions in turn.
        if not await asyncio.to_thread(self._still_ours):
            raise Fenced("another worker has this slot of the journal by now")

    def _begin(self, memory: Memory, start: Start) -> None:
        position, note = start.position, "; ".join(filter(None, (memory.note, start.note))) or None
        self._log.info("relay.connected", cluster=memory.cluster_id, position=position.number, note=note)
        self.state = connected(self.state, memory.cluster_id, position)

    async def _step(self, publisher: Publisher) -> None:
        self._work.clear()
        records = await asyncio.to_thread(self._outbox.read, self.state.position.number, self._size.records)
        # Asked after they were read: who answers this has not been replaced since by one that knows less.
        await self._need_history()
        if records:
            asked_s = max(publisher.throttled_s(), self._asked_until_s - self._clock.monotonic_s())
            await (self._throttled(asked_s) if asked_s > 0 else self._send(publisher, records))
        elif self._note_due_s() > 0:
            await self._idle()
        if self._note_due_s() <= 0:
            await self._note()

    async def _need_history(self) -> None:
        position = self.state.position
        if not await asyncio.to_thread(is_there, position, self._outbox.record_id):
            raise StoreFailed(
                f"the journal no longer has record {position.number}, which is on Kafka: an older copy took its place"
            )

    async def _throttled(self, asked_s: float) -> None:
        # Also where it was an earlier session's transaction that went over the quota: asking again would cost more.
        self._metrics.throttled(asked_s)
        if asked_s > SLOW_S:
            self._log.info("relay.throttled", wait_s=round(asked_s, 3))
            self._hear(f"Kafka throttles this client, and asks it to wait {asked_s:.0f} s: is there a quota?")
        await self._pause(asked_s)

    async def _send(self, publisher: Publisher, read: Sequence[OutboxRecord]) -> None:
        records = self._size.take(read)
        # More than goes out waits already, as far as one can tell.
        limited = len(records) < len(read) or len(records) >= self._size.records or _bytes(records) >= FULL_BYTES
        started_s = self._clock.monotonic_s()
        await self._publish(publisher, records)
        now_s = self._clock.monotonic_s()
        size, took_s = _bytes(records), now_s - started_s
        self._pace = self._pace.confirmed(now_s, size, publisher.throttled_s())
        lasts_s = self._pace.lasts_s(size)
        self._size = self._size.confirmed(size, took_s, lasts_s, limited=limited)
        rest_s = max(lasts_s, 0 if limited else pace_s(len(records))) - took_s
        if rest_s > 0:
            self._metrics.throttled(max(0.0, lasts_s - took_s))
            await self._pause(rest_s)

    def _connected(self) -> Connected:
        assert isinstance(self.state, Connected), "only within a session"  # noqa: S101
        return self.state

    def _note_due_s(self) -> float:
        state = self._connected()
        return math.inf if state.noted == state.position else self._noted_s + REMEMBER_S - self._clock.monotonic_s()

    async def _note(self) -> None:
        state = self.state
        if isinstance(state, Connected) and state.noted != state.position:
            await asyncio.to_thread(self._outbox.remember, state.cluster_id, state.position)
            self.state, self._noted_s = replace(state, noted=state.position), self._clock.monotonic_s()

    async def _publish(self, publisher: Publisher, records: Sequence[OutboxRecord]) -> None:
        started_s = self._clock.monotonic_s()
        messages = [message for record in records for message in self._route(record)]
        position = Position(records[-1].number, records[-1].record_id)
        # The client retries by itself for a while; what is said must not wait for it to give up.
        slow = asyncio.get_running_loop().call_later(SLOW_S, self._slow, publisher)
        try:
            await _while_heard(publisher, messages, position, self._quiet_max_s)
        except RecordRefused as error:
            self._narrow(records, error)
            raise
        except (KafkaUnavailable, KafkaFenced, TimeoutError):
            self._size = self._size.failed(len(records), _bytes(records))
            raise
        finally:
            slow.cancel()
        duration_s = self._clock.monotonic_s() - started_s
        self._become(confirmed(self._connected(), position))
        self._metrics.published(records, duration_s)
        self._log.info(
            "relay.published", events=len(records), position=position.number, duration_ms=round(duration_s * 1000, 3)
        )

    def _narrow(self, records: Sequence[OutboxRecord], error: RecordRefused) -> None:
        # A broker's limit holds for a batch of records as well as for one: only a record that was alone is to blame.
        alone = next((one for one in records if error.alone and one.number == error.record), None)
        if alone is None and len(records) > 1:
            self._size = self._size.too_large(len(records))
            self._log.info("relay.narrowed", why=error.why, batch_max=self._size.records)
            return
        record = alone or records[0]
        instead = self._refused(record, error.why)
        self._outbox.replace(instead)
        self._size = self._size.condemned()
        self._metrics.refused(record.source)
        self._log.error(
            "relay.record_refused",
            why=error.why,
            record=record.number,
            callback=record.callback,
            operation=record.operation_id or None,
            instead=instead.record_type,
        )

    async def _idle(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._work.wait(), None if math.isinf(self._note_due_s()) else self._note_due_s())

    @contextlib.asynccontextmanager
    async def _watched(self, publisher: Publisher) -> AsyncIterator[asyncio.Task[None]]:
        # Beside what is sent: a question to a broker that does not answer holds no record up.
        watching = asyncio.create_task(self._watch(publisher))
        watching.add_done_callback(lambda _: self._work.set())  # it ends by itself only where it fails
        try:
            yield watching
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _watch(self, publisher: Publisher) -> None:
        while True:
            await asyncio.sleep(PROBE_DOWN_S if self._connected().lacking else PROBE_S)
            await self._probe(publisher)
            self.wake()  # so that the outbox is looked at too, also where no record ever comes

    async def _probe(self, publisher: Publisher) -> None:
        # Only what is said depends on it: records for the topics that are there go through all the same.
        try:
            await publisher.probe(self._topics)
        except KafkaUnavailable as error:
            self._become(lacks(self._connected(), str(error)))
            return
        # While records wait, only one that goes through proves that they do.
        waiting = await asyncio.to_thread(self._outbox.last_number) > max(self.state.position.number, self._first)
        self._become(has_all(self._connected(), waiting=waiting))

    def _slow(self, publisher: Publisher) -> None:
        self._hear(publisher.trouble() or f"no answer to a batch for {SLOW_S} s")

    def _hear(self, trouble: str) -> None:
        self._become(replace(self._connected(), detail=trouble))

    async def _fail(self, why: str, most_s: float = math.inf) -> None:
        state = failed(self.state, why)
        self._become(state)
        ceiling_s: float = min(most_s, RETRY_MAX_S, RETRY_MIN_S * 2 ** min(state.failures, 10))
        await self._pause(ceiling_s * random.uniform(0.5, 1.0))  # noqa: S311  jitter, no secret

    def _become(self, state: State) -> None:
        before, self.state = self.state, state
        if (state.word, state.detail) == (before.word, before.detail):
            return
        log = {"up": self._log.info, "down": self._log.warning, "stopped": self._log.error}[state.word]
        log(f"relay.kafka_{state.word}", detail=state.detail or None, position=state.position.number)

    async def _pause(self, seconds: float) -> None:
        # New records do not shorten it, or a busy inbox would undo it; stopping does, and what was mended meanwhile.
        waits = [asyncio.create_task(event.wait()) for event in (self._stopping, self._renewing)]
        try:
            await asyncio.wait(waits, timeout=max(0, seconds), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


def _bytes(records: Sequence[OutboxRecord]) -> int:
    return sum(len(record.value) for record in records)


async def _while_heard(
    publisher: Publisher, messages: Sequence[Message], position: Position, quiet_max_s: float
) -> None:
    """Publish; raises ``KafkaUnavailable`` too where no broker confirms any part of it for ``quiet_max_s``."""
    loop = asyncio.get_running_loop()
    started_s, left_s = loop.time(), quiet_max_s
    sending = asyncio.ensure_future(publisher.publish(messages, position))
    try:
        while not (await asyncio.wait([sending], timeout=left_s))[0]:
            left_s = quiet_max_s - min(publisher.quiet_s(), loop.time() - started_s)
            if left_s <= 0:
                raise KafkaUnavailable(publisher.trouble() or f"Kafka confirmed nothing for {quiet_max_s:.0f} s")
        sending.result()
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
