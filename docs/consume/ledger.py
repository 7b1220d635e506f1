"""A reference consumer: a ledger that books each amount once, whatever is killed, restarted or sent again.

``python ledger.py`` with LEDGER_KAFKA (brokers), LEDGER_POSTGRES (a connection string) and, where they have other
names, LEDGER_TOPICS (with commas between). Run as many as there are partitions. Copy it; README.md beside it says why
it is as it is. It needs: exchange-events, confluent-kafka, psycopg.
"""

from __future__ import annotations

import os
import signal
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import psycopg
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from exchange_events import StatusEvent

TOPICS = "exchange.status.v1,payout.status.v1,deposit.status.v1,invoice.status.v1"
BATCH = 500
DONE = {"completed", "verified"}
"""The statuses in which money has moved."""

TABLES = """
SELECT pg_advisory_xact_lock(hashtext('ledger'));
CREATE TABLE IF NOT EXISTS positions (
    topic text, partition integer, next_offset bigint NOT NULL, PRIMARY KEY (topic, partition)
);
CREATE TABLE IF NOT EXISTS operations (key text PRIMARY KEY, sequence bigint NOT NULL, status text NOT NULL);
CREATE TABLE IF NOT EXISTS entries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    operation text NOT NULL REFERENCES operations, event_id text NOT NULL,
    currency text NOT NULL, amount numeric NOT NULL
);
CREATE INDEX IF NOT EXISTS entries_of_operation ON entries (operation);
"""
Connection = psycopg.Connection[tuple[Any, ...]]


def take(connection: Connection, messages: Iterable[Message]) -> None:
    """Book a batch: its effects and its offsets in one transaction, so that neither is ever there without the other."""
    batches: dict[tuple[str, int], list[Message]] = defaultdict(list)
    for message in messages:
        if message.error() is not None:
            raise RuntimeError(f"Kafka: {message.error()}")
        batches[message.topic() or "", message.partition() or 0].append(message)
    with connection.transaction():
        for place in sorted(batches):  # everybody in one order: no deadlock
            first = (batches[place][0].offset() or 0,)
            connection.execute("INSERT INTO positions VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", place + first)
            # The row is the partition's lock: after a rebalance its former owner may still hold an old batch.
            query = "SELECT next_offset FROM positions WHERE topic = %s AND partition = %s FOR UPDATE"
            done = (connection.execute(query, place).fetchone() or first)[0]
            for message in batches[place]:
                if (message.offset() or 0) >= done:
                    event = StatusEvent.model_validate_json(message.value() or b"")
                    book(connection, (message.key() or b"").decode(), event)
                    done = (message.offset() or 0) + 1
            connection.execute(
                "UPDATE positions SET next_offset = %s WHERE topic = %s AND partition = %s", (done, *place)
            )


def book(connection: Connection, key: str, event: StatusEvent) -> None:
    """Bring the operation's entries to what an event says they are; an event that is not new changes nothing."""
    if not event.effective:  # it came too late to be the operation's state
        return
    newer = connection.execute(
        "INSERT INTO operations VALUES (%s, %s, %s) ON CONFLICT (key) DO UPDATE SET sequence = excluded.sequence,"
        " status = excluded.status WHERE operations.sequence < excluded.sequence RETURNING key",
        (key, event.sequence, event.status),
    ).fetchone()
    if newer is None:  # sent again, by a replay or under another offset
        return
    # An amended or contradicted event is booked as the difference: entries are only ever added.
    change = moved(event)
    booked = connection.execute("SELECT currency, sum(amount) FROM entries WHERE operation = %s GROUP BY 1", (key,))
    for currency, amount in booked.fetchall():
        change[currency] -= amount
    for currency, amount in change.items():
        if amount != 0:
            connection.execute(
                "INSERT INTO entries (operation, event_id, currency, amount) VALUES (%s, %s, %s, %s)",
                (key, event.event_id, currency, amount),
            )


def moved(event: StatusEvent) -> defaultdict[str, Decimal]:
    """What has moved by this event, per currency: paid out is negative, received positive. Never a float."""
    change: defaultdict[str, Decimal] = defaultdict(Decimal)
    if event.status in DONE and event.payout is not None and event.payout.currency is not None:
        change[event.payout.currency] -= Decimal(event.payout.paid or event.payout.amount or 0)
    if event.status in DONE and event.received is not None and event.received.currency is not None:
        change[event.received.currency] += Decimal(event.received.amount or 0)
    return change


def main() -> None:
    """Consume until SIGTERM or Ctrl-C. Any error ends it: whoever started it starts it again, and nothing is lost."""
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: stopping.append(number))
    with psycopg.connect(os.environ["LEDGER_POSTGRES"], autocommit=True) as connection:
        with connection.transaction():
            connection.execute(TABLES)

        def go_on(consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
            # From where the ledger is, not from where Kafka believes that it is.
            found = connection.execute("SELECT topic, partition, next_offset FROM positions").fetchall()
            known = {(topic, partition): offset for topic, partition, offset in found}
            for one in partitions:
                one.offset = known.get((one.topic, one.partition), OFFSET_BEGINNING)
            consumer.assign(list(partitions))

        consumer = Consumer(
            {
                "bootstrap.servers": os.environ["LEDGER_KAFKA"],
                "group.id": "ledger",
                "enable.auto.commit": False,  # positions are in the ledger
                "isolation.level": "read_committed",  # what a transaction gave up was never said
                "session.timeout.ms": 6000,  # the partitions of one that was killed go to another then
            }
        )
        consumer.subscribe(os.environ.get("LEDGER_TOPICS", TOPICS).split(","), on_assign=go_on)
        try:
            while not stopping:
                messages = consumer.consume(BATCH, timeout=0.5)
                if messages:
                    take(connection, messages)
        finally:
            consumer.close()


if __name__ == "__main__":
    main()
