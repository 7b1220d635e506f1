"""The publisher on aiokafka: a transactional producer, and a position that is committed with the records.

Theory of operation. Built as Kafka Connect builds its exactly-once sources (KIP-618). The transactional id holds the
journal's id, so starting the producer fences an older one and ends its open transaction. Each transaction holds a batch
of records and one record in the compacted topic ``receiver.positions``, key = the journal's id. It counts as confirmed
when it has ended in every partition, and only then the next one begins: ``hanging_transactions`` says why, and what is
done at the start about one that has not. That wait costs nothing: a transaction that followed at once found the
coordinator busy with the one before and backed off for 20 ms (measured, 25 ms a transaction against 5).

After the start the topic's uncommitted end is asked for, and the topic is read ``read_committed`` until that end is
passed: the last record of this key is the truth. No consumer-group offset: those expire after a week of silence.

With ``at_least_once`` the same records go out without a transaction, the position after them.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer, TopicPartition, errors
from aiokafka.admin import AIOKafkaAdminClient

from receiver.model.errors import KafkaUnavailable, ReceiverError, RecordRefused
from receiver.model.records import Position
from receiver.publish.kafka.answers import Answers
from receiver.publish.kafka.client import (
    CALL_TIMEOUT_S,
    FENCED,
    MISSING,
    close_quietly,
    make_admin,
    make_producer,
    require_topics,
    start_admin,
    topic_leaders,
    translate,
    translated,
)
from receiver.publish.kafka.explain import INVALID_TIMESTAMP, TOO_LARGE, refusal_sentence
from receiver.publish.kafka.hanging_transactions import HangingTransactions, NumberOf
from receiver.publish.kafka.internals import (
    client_of,
    end_sending,
    leave_no_complaint,
    listen,
    producer_id,
    transaction_error,
)
from receiver.publish.kafka.limits import Limits, topic_limits
from receiver.publish.kafka.open_transactions import named, open_transactions, until_ended
from receiver.publish.kafka.positions import read_position
from receiver.publish.kafka.questions import ask_clock_ms
from receiver.publish.kafka.record_batches import RecordBatch, record_batches
from receiver.publish.kafka.topics import (
    RETENTION_KEYS,
    Purpose,
    bootstrap_of,
    counts,
    require_positions,
    retention_findings,
    shape_findings,
    topic_configs,
)
from receiver.publish.ports import Finding, Memory, Message, Spread
from receiver.publish.spread import changes

BATCH_BYTES = 256 * 1024
"""Of one produce request per partition: measured, 36 400 records/s against 17 600 with the default of 16 KiB."""
ENDED_S = 5.0
"""For the brokers to end a transaction in its partitions, once it is confirmed."""
REQUEST_BYTES_MAX = 64 * 1024 * 1024
"""Above any broker's limit: the broker says what is too large, and knows why."""


class KafkaPublisher:
    """``ports.Publisher``. Made anew after every error.

    ``topics`` are all that a message can go to, ``purposes`` what they are for; ``number_of`` reads a record's number
    back from a message's headers.
    """

    def __init__(  # noqa: PLR0913  wired once
        self,
        options: Mapping[str, Any],
        *,
        journal_id: str,
        positions_topic: str,
        topics: Collection[str],
        number_of: NumberOf,
        transactional: bool,
        transaction_timeout_s: float,
        spread: Spread | None = None,
        purposes: Mapping[str, Purpose] | None = None,
    ) -> None:
        self._options = dict(options)
        self._journal_id = journal_id
        self._positions = positions_topic
        self._topics = tuple(topics)
        self._number_of = number_of
        self._transactional = transactional
        self._transaction_timeout_s = transaction_timeout_s
        self._spread = spread
        self._purposes = purposes or {}
        self._cluster_id = ""
        self._producer: AIOKafkaProducer | None = None
        self._admin: AIOKafkaAdminClient | None = None
        self._answers = Answers()
        self._limits: Mapping[str, Limits] = {}
        self._checked: set[str] = set()

    async def connect(self) -> Memory:
        """Start the producer, which fences an older one, then read back the position; raises ``KafkaUnavailable``."""
        self._admin = make_admin(self._options)
        await start_admin(self._admin, self._options)
        async with translated(CALL_TIMEOUT_S):
            cluster = await self._admin.describe_cluster()
        self._cluster_id = str(cluster["cluster_id"])
        leaders = await require_positions(self._admin, self._options, self._positions)
        self._limits = await topic_limits(self._admin, [*self._topics, self._positions])
        self._producer = self._make_producer()
        listen(self._producer, self._answers)
        async with translated(self._transaction_timeout_s + CALL_TIMEOUT_S):
            await self._producer.start()
        notes = [await self._end_hanging(leaders)] if self._transactional else []
        notes += await self._misshapen()
        position = await read_position(self._options, self._positions, self._journal_id)
        return Memory(self._cluster_id, position, "; ".join(filter(None, notes)))

    async def _end_hanging(self, leaders: dict[TopicPartition, int]) -> str:
        assert self._producer is not None and self._admin is not None, "connect first"  # noqa: PT018, S101
        others, faults = await topic_leaders(self._admin, self._topics)
        leaders |= others
        hanging = HangingTransactions(
            self._producer,
            self._options,
            positions_topic=self._positions,
            journal_id=self._journal_id,
            number_of=self._number_of,
        )
        found = await hanging.find(leaders)
        self._checked = {partition.topic for partition in leaders}
        hidden = ", ".join(sorted(found.hidden))
        if not found.starts:
            return f"cannot look for transactions left open on {hidden}" if hidden else ""
        unread = [f"topic {name} {fault}" for name, fault in faults.items() if fault != MISSING]
        unread += [f"this client may not read {hidden}"] if hidden else []
        if unread:
            raise KafkaUnavailable(f"Kafka left a transaction open on {named(found.starts)}, and {unread[0]}")
        return await hanging.end(found, leaders, self._transaction_timeout_s + CALL_TIMEOUT_S)

    async def _misshapen(self) -> list[str]:
        # Only said: what goes to such a topic is lost to a late consumer, what does not go is lost to all.
        assert self._admin is not None, "connect first"  # noqa: S101
        if not self._purposes:
            return []
        configs, off_ms = await topic_configs(self._admin, list(self._purposes), RETENTION_KEYS), await self._off_ms()
        bootstrap, found = bootstrap_of(self._options), list[Finding]()
        for topic, config in configs.items():
            found += shape_findings(bootstrap, topic, self._purposes[topic], 1, config.get("cleanup.policy"))
            found += retention_findings(topic, config, off_ms)
        return [finding.text for finding in found]

    async def _off_ms(self) -> int | None:
        # How far this machine's clock is ahead of the brokers', negative behind it; None where they do not tell.
        assert self._admin is not None, "connect first"  # noqa: S101
        with contextlib.suppress(ReceiverError, NotImplementedError):
            async with translated(CALL_TIMEOUT_S):
                clock_ms = await ask_clock_ms(client_of(self._admin))
            return None if clock_ms is None else time.time_ns() // 1_000_000 - clock_ms
        return None

    async def publish(self, messages: Sequence[Message], position: Position) -> None:
        """Send all messages and the position, in one transaction unless ``at_least_once``."""
        assert self._producer is not None, "connect first"  # noqa: S101
        await self._check({message.topic for message in messages})
        await asyncio.sleep(self._answers.throttled_s())
        self._answers.begin(self._transaction_timeout_s if self._transactional else math.inf)
        try:
            if self._transactional:
                written = await self._in_transaction(self._producer, messages, position)
                await self._until_ended(self._producer, written)
            else:
                await self._send(self._producer, await self._batches(self._producer, messages))
                await self._send(self._producer, [], position)
        except ReceiverError:
            raise
        except (errors.KafkaError, OSError, TimeoutError, ValueError) as error:
            raise translate(error) from error

    def throttled_s(self) -> float:
        """How long, s, the brokers have asked this publisher to wait."""
        return self._answers.throttled_s()

    def quiet_s(self) -> float:
        """For how long, s, no broker has taken a batch."""
        return self._answers.quiet_s()

    def trouble(self) -> str:
        """Why a broker does not take a batch, as it said last."""
        for partition, refusal in self._answers.refusals.items():
            return refusal_sentence(partition.topic, refusal, self._limits.get(partition.topic))
        return ""

    async def probe(self, topics: Collection[str]) -> None:
        """Ask the cluster for ``topics``; raises ``KafkaUnavailable`` naming what is not there."""
        assert self._admin is not None, "connect first"  # noqa: S101
        leaders, faults = await topic_leaders(self._admin, topics)
        # Those that are there are looked at even where one is missing: a change is said all the same.
        self._over(counts(leaders), fresh=True)
        for name, fault in faults.items():
            raise KafkaUnavailable(f"topic {name} {fault}")
        await require_positions(self._admin, self._options, self._positions)

    async def close(self) -> None:
        """Let go within a few seconds."""
        for client in (self._producer, self._admin):
            if client is not None:
                await close_quietly(client)
        if self._producer is not None:
            await end_sending(self._producer)
            leave_no_complaint(self._producer)

    def _make_producer(self) -> AIOKafkaProducer:
        options = {**self._options, "enable_idempotence": True, "acks": "all"}
        options |= {"max_batch_size": BATCH_BYTES, "max_request_size": REQUEST_BYTES_MAX, "linger_ms": 0}
        if self._transactional:
            options["transactional_id"] = f"receiver-{self._journal_id}"
            options["transaction_timeout_ms"] = int(self._transaction_timeout_s * 1000)
        return make_producer(options)

    async def _check(self, topics: set[str]) -> None:
        # A send to a missing topic waits for its metadata until it times out; asking first says at once which it is.
        new = topics - self._checked
        if not new or self._admin is None or self._producer is None:
            return
        leaders = await require_topics(self._admin, sorted(new))
        if self._transactional:
            async with translated(CALL_TIMEOUT_S):
                found = await open_transactions(self._producer.client, producer_id(self._producer), leaders)
            if found.starts:  # it was not there when the others were looked at
                raise KafkaUnavailable(f"Kafka left a transaction open on {named(found.starts)}")
        self._checked |= new

    async def _in_transaction(
        self, producer: AIOKafkaProducer, messages: Sequence[Message], position: Position
    ) -> set[TopicPartition]:
        await producer.begin_transaction()
        try:
            batches = await self._batches(producer, messages)
            await self._send(producer, batches, position)
            await producer.commit_transaction()
        except (errors.IllegalOperation, AssertionError):
            # A broker has refused the transaction itself between two sends: there is none to send in any more. The
            # client says so where it knows that as a send begins, and only asserts it where it had to wait first.
            error = transaction_error(producer)
            await self._abort(producer)
            if error is None:
                raise
            raise translate(error) from error
        except BaseException:
            transaction_error(producer)  # retrieved: the client complains loudly of what nobody asked for
            await self._abort(producer)
            raise
        finally:
            self._answers.end()
        return {TopicPartition(batch.topic, batch.partition) for batch in batches} | {
            TopicPartition(self._positions, 0)
        }

    async def _until_ended(self, producer: AIOKafkaProducer, written: Collection[TopicPartition]) -> None:
        leaders = {partition: producer.client.cluster.leader_for_partition(partition) for partition in written}
        if any(leader is None or leader < 0 for leader in leaders.values()):
            raise KafkaUnavailable(f"one of {named(written)} has lost its leader")
        await until_ended(producer.client, producer_id(producer), leaders, ENDED_S)

    async def _abort(self, producer: AIOKafkaProducer) -> None:
        # Best effort: the next producer with this id ends the transaction anyway.
        try:
            async with asyncio.timeout(2):
                await producer.abort_transaction()
        except (errors.KafkaError, OSError, TimeoutError, AssertionError):
            return

    async def _batches(self, producer: AIOKafkaProducer, messages: Sequence[Message]) -> list[RecordBatch]:
        large = next((one for one in messages if len(one.value) > REQUEST_BYTES_MAX), None)
        if large is not None:
            raise RecordRefused(large.record, f"topic {large.topic}: {len(large.value)} bytes", alone=True)
        topics = {message.topic for message in messages}
        partitions = await self._partitions(producer, topics)
        bytes_max = {topic: limits.batch_bytes for topic, limits in self._limits.items() if limits.batch_bytes}
        return record_batches(messages, partitions, producer.create_batch, bytes_max)

    async def _send(
        self, producer: AIOKafkaProducer, batches: Sequence[RecordBatch], position: Position | None = None
    ) -> None:
        """Send all, the position beside the first batches: so that all of a small transaction is one request.

        A broker that holds this client to a quota answers the first request at once, and the next one much later.
        """
        sending: list[tuple[TopicPartition, RecordBatch | None, asyncio.Future[Any]]] = []
        try:
            for batch in batches:
                if position is not None and batch.turn > 0:
                    sending.append((TopicPartition(self._positions, 0), None, await self._add(producer, position)))
                    position = None
                # One by one, so that those before an error are known.
                future = await producer.send_batch(batch.builder, batch.topic, partition=batch.partition)
                sending.append((TopicPartition(batch.topic, batch.partition), batch, future))
            if position is not None:
                sending.append((TopicPartition(self._positions, 0), None, await self._add(producer, position)))
        finally:
            # Every future is retrieved, also after one failed: the client complains loudly of those that are not.
            results = await asyncio.gather(*(future for _, _, future in sending), return_exceptions=True)
        failed = [
            (partition, batch, result)
            for (partition, batch, _), result in zip(sending, results, strict=True)
            if isinstance(result, BaseException)
        ]
        for _, refused, error in failed:
            if refused is not None and isinstance(error, TOO_LARGE):
                raise self._too_large(refused, error)
        for partition, _, error in failed:
            raise await self._why(partition, error)

    def _too_large(self, batch: RecordBatch, error: BaseException) -> RecordRefused:
        # A refused batch fails all its records alike: the largest of them is the one to be tried alone.
        largest = max(batch.messages, key=lambda message: len(message.value))
        takes = self._limits.get(batch.topic, Limits()).batch_bytes
        limit = f" takes {takes} bytes" if takes else ""
        why = f"{type(error).__name__}: topic {batch.topic}{limit}, not {batch.builder.size()}"
        return RecordRefused(largest.record, why, alone=len(batch.messages) == 1)

    async def _why(self, partition: TopicPartition, error: BaseException) -> ReceiverError:
        refusal = self._answers.refusals.get(partition)
        if refusal is None or isinstance(error, FENCED):
            return translate(error)
        if isinstance(error, TOO_LARGE):
            sentence = "refuses the position, which cannot be made smaller: see its max.message.bytes"
            return KafkaUnavailable(f"topic {partition.topic} {sentence}")
        limits, off_ms = None, None
        if refusal.code == INVALID_TIMESTAMP and self._admin is not None:
            limits = (await topic_limits(self._admin, [partition.topic])).get(partition.topic)
            off_ms = await self._off_ms()
        return KafkaUnavailable(refusal_sentence(partition.topic, refusal, limits, off_ms))

    async def _partitions(self, producer: AIOKafkaProducer, topics: Collection[str]) -> dict[str, list[int]]:
        there = {topic: sorted(await producer.partitions_for(topic)) for topic in topics}
        over = self._over(_sizes(there), fresh=False)
        if any(len(there[topic]) < over[topic] for topic in topics):
            # The producer's knowledge can be older than what a person has accepted.
            await producer.client.force_metadata_update()
            there = {topic: sorted(await producer.partitions_for(topic)) for topic in topics}
            over = self._over(_sizes(there), fresh=True)
        return {topic: there[topic][: over[topic]] for topic in topics}

    def _over(self, there: Mapping[str, int], *, fresh: bool) -> Mapping[str, int]:
        """Give how many partitions the topics' keys go over; raises ``KafkaUnavailable`` where there are fewer."""
        if self._spread is None:
            return there
        over = self._spread.over(self._cluster_id, there, fresh=fresh)
        for change in changes(there, over):
            if fresh and change.there < change.remembered:
                raise KafkaUnavailable(str(change))
        return over

    async def _add(self, producer: AIOKafkaProducer, position: Position) -> asyncio.Future[Any]:
        value = orjson.dumps({"position": position.number, "event_id": position.record_id})
        future: asyncio.Future[Any] = await producer.send(
            self._positions, value, self._journal_id.encode(), partition=0
        )
        return future


def _sizes(there: Mapping[str, Sequence[int]]) -> dict[str, int]:
    return {topic: len(partitions) for topic, partitions in there.items()}
