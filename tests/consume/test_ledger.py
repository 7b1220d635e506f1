"""The reference consumer books each amount once: killed and restarted under load, rebalanced, sent everything twice."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import ledger
import psycopg
import pytest
from confluent_kafka import Message, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from kafka_local import LocalKafka

from exchange_events import StatusEvent
from exchange_events.publish import EXAMPLE
from tests.chaos.service import until
from tests.consume.postgres import postgres, programs

PARTITIONS = 4
OPERATIONS = 600
NEVER = "666"
"""The amount of whatever may not be booked."""


@dataclass(frozen=True)
class Said:
    """One record: of which operation, and its value."""

    key: str
    value: bytes


def event(operation: int, sequence: int, status: str, amount: str, **changes: Any) -> Said:
    """An event of one operation, whose payout is an amount."""
    made = EXAMPLE | {
        "event_id": f"{operation:08x}-0000-4000-8000-{sequence:012x}",
        "operation_id": f"op-{operation}",
        "status": status,
        "terminal": status == "completed",
        "sequence": sequence,
        "payout": EXAMPLE["payout"] | {"amount": amount},
    }
    return Said(f"0xpay:m:exchange:op-{operation}", json.dumps(made | changes).encode())


def life(operation: int, chance: random.Random) -> list[Said]:
    """One operation's events, in their order: some late, some amended, some contradicted, some sent twice."""
    amount = f"{operation + 1}.{chance.randrange(10**18):018}"
    late = event(operation, 3, "completed", NEVER, effective=False, anomalies=["late"])
    said = [event(operation, 1, "processing", NEVER), event(operation, 2, "completed", amount), late]
    if operation % 7 == 0:
        said.append(event(operation, 4, "completed", f"{operation}.5", revision=2, anomalies=["amended"]))
    if operation % 11 == 0:
        said.append(event(operation, 5, "failed", NEVER, anomalies=["conflict"]))
    return said + ([said[1]] if operation % 5 == 0 else [])


def expected(lives: Sequence[Sequence[Said]]) -> dict[str, list[Decimal]]:
    """Operation → what is booked for it, in order; by a way of its own: from the events, without a database."""
    entries: dict[str, list[Decimal]] = defaultdict(list)
    for said in lives:
        last, booked = 0, Decimal()
        for one in said:
            known = StatusEvent.model_validate_json(one.value)
            if known.effective and known.sequence > last:
                assert known.payout is not None
                last = known.sequence
                state = -Decimal(known.payout.amount or 0) if known.status == "completed" else Decimal()
                if state != booked:
                    entries[one.key].append(state - booked)
                    booked = state
    return dict(entries)


def booked(address: str) -> dict[str, list[Decimal]]:
    """What is in the ledger."""
    entries: dict[str, list[Decimal]] = defaultdict(list)
    with psycopg.connect(address) as connection:
        for key, amount in connection.execute("SELECT operation, amount FROM entries ORDER BY id"):
            entries[key].append(amount)
    return dict(entries)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A PostgreSQL, for this file."""
    bin_ = programs()
    if bin_ is None:
        pytest.skip("PostgreSQL is not installed (on Debian: postgresql): the reference consumer is not tried")
    with postgres(bin_) as address:
        yield address


@pytest.fixture
def database(server: str, request: pytest.FixtureRequest) -> str:
    """An empty one of the test's own."""
    name = f"t{abs(hash(request.node.name))}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.rpartition("/")[0] + f"/{name}"


@dataclass
class Consumers:
    """Processes of the reference consumer."""

    environ: dict[str, str]
    log: Path
    running: list[subprocess.Popen[bytes]]

    def start(self) -> None:
        """One more."""
        with self.log.open("ab") as log:
            command = [sys.executable, ledger.__file__]
            self.running.append(subprocess.Popen(command, env=self.environ, stdout=log, stderr=log))

    def kill(self) -> None:
        """The oldest, by SIGKILL."""
        oldest = self.running.pop(0)
        oldest.kill()
        oldest.wait()

    def stop(self) -> list[int]:
        """All, by SIGTERM; their exit codes."""
        for one in self.running:
            one.terminate()
        return [one.wait(30) for one in self.running]


@pytest.fixture
def consumers(kafka: LocalKafka, database: str, prefix: str, tmp_path: Path) -> Iterator[Consumers]:
    """None yet; what is left in the end is killed."""
    environ = os.environ | {
        "LEDGER_KAFKA": kafka.bootstrap,
        "LEDGER_POSTGRES": database,
        "LEDGER_TOPICS": f"{prefix}exchange.status.v1",
    }
    made = Consumers(environ, tmp_path / "ledger.log", [])
    yield made
    for one in made.running:
        one.kill()
        one.wait()


def produce(bootstrap: str, topic: str, records: Sequence[Said], name: str, ends: dict[int, int]) -> None:
    """All records, in transactions; before each an attempt that is given up. ``ends``: partition → where it ends."""
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": name})
    producer.init_transactions(30)

    def sent(_: Any, message: Message) -> None:
        ends[message.partition() or 0] = (message.offset() or 0) + 1

    for start in range(0, len(records), 40):
        producer.begin_transaction()
        for one in records[start : start + 40]:
            producer.produce(topic, event(10**6 + start, 1, "completed", NEVER).value, one.key)
        producer.flush(30)
        producer.abort_transaction(30)
        producer.begin_transaction()
        for one in records[start : start + 40]:
            producer.produce(topic, one.value, one.key, on_delivery=sent)
        producer.commit_transaction(30)


@pytest.mark.long
def test_each_amount_is_booked_once(kafka: LocalKafka, database: str, consumers: Consumers, prefix: str) -> None:
    """While consumers are killed, started and joined by others, and everything is sent a second time in the end."""
    topic = f"{prefix}exchange.status.v1"
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for made in admin.create_topics([NewTopic(topic, PARTITIONS, 1)]).values():
        made.result(30)
    chance = random.Random(7)
    lives = [life(operation, chance) for operation in range(OPERATIONS)]
    wanted = expected(lives)
    in_turn = [said for round_ in range(6) for one in lives for said in one[round_ : round_ + 1]]
    records = [*in_turn, *in_turn]

    consumers.start()
    consumers.start()
    ends: dict[int, int] = {}
    load = threading.Thread(target=produce, args=(kafka.bootstrap, topic, records, f"{prefix}ledger", ends))
    load.start()
    try:
        until(lambda: has_begun(database))
        consumers.kill()
        consumers.start()
        consumers.start()  # a rebalance in the middle
        consumers.kill()
    finally:
        load.join()
    assert len(ends) == PARTITIONS
    until(lambda: positions(database) == ends or not alive(consumers))
    assert alive(consumers), consumers.log.read_text()
    found = booked(database)
    assert found == wanted
    assert not [amounts for amounts in found.values() if Decimal(-666) in amounts]
    assert consumers.stop() == [0, 0], consumers.log.read_text()
    assert "Traceback" not in consumers.log.read_text()


def alive(consumers: Consumers) -> bool:
    """Whether none has ended by itself."""
    return all(one.poll() is None for one in consumers.running)


def has_begun(database: str) -> bool:
    """Whether something is booked."""
    with psycopg.connect(database) as connection:
        (there,) = connection.execute("SELECT to_regclass('entries') IS NOT NULL").fetchone() or (False,)
        return bool(there) and connection.execute("SELECT 1 FROM entries LIMIT 1").fetchone() is not None


def positions(database: str) -> dict[int, int]:
    """Partition → the offset that the ledger goes on from."""
    with psycopg.connect(database) as connection:
        return dict(connection.execute("SELECT partition, next_offset FROM positions").fetchall())


@dataclass(frozen=True)
class Fetched:
    """A message as the client gives it."""

    at: int
    said: Said

    def error(self) -> None: ...

    def topic(self) -> str:
        return "t"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self.at

    def key(self) -> bytes:
        return self.said.key.encode()

    def value(self) -> bytes:
        return self.said.value


@pytest.fixture
def connections(database: str) -> Iterator[tuple[ledger.Connection, ledger.Connection]]:
    """Those of a partition's former owner and of its new one."""
    with psycopg.connect(database, autocommit=True) as old, psycopg.connect(database, autocommit=True) as new:
        with old.transaction():
            old.execute(ledger.TABLES)
        yield old, new


def batch(*said: Said, start: int = 0) -> list[Message]:
    """Messages from an offset on."""
    return cast("list[Message]", [Fetched(start + place, one) for place, one in enumerate(said)])


DONE = [event(operation, 1, "completed", str(operation + 1)) for operation in range(4)]


def test_a_former_owner_books_nothing_twice(
    database: str, connections: tuple[ledger.Connection, ledger.Connection]
) -> None:
    """It was stopped with a batch in its hands, and wakes up after another one has booked that and more."""
    old, new = connections
    ledger.take(old, batch(DONE[0]))
    ledger.take(new, batch(*DONE[1:], start=1))
    ledger.take(old, batch(DONE[1], DONE[2], start=1))
    assert positions(database) == {0: 4}
    assert booked(database) == expected([[one] for one in DONE])


def test_a_record_that_cannot_be_read_stops_it(
    database: str, connections: tuple[ledger.Connection, ledger.Connection]
) -> None:
    """Nothing of its batch is booked, and the position stays before it."""
    ledger.take(connections[0], batch(DONE[0]))
    with pytest.raises(ValueError, match="StatusEvent"):
        ledger.take(connections[0], batch(DONE[1], Said("k", b"{}"), start=1))
    assert positions(database) == {0: 1}
    assert list(booked(database)) == [DONE[0].key]


def test_what_is_never_booked(database: str, connections: tuple[ledger.Connection, ledger.Connection]) -> None:
    """What is not the operation's state, and what has not moved yet; money received is positive."""
    late = event(1, 2, "completed", NEVER, effective=False, anomalies=["late"])
    received = {"amount": "25.000000000000000001", "currency": "USDT", "network": None}
    deposit = event(2, 1, "verified", NEVER, payout=None, received=received)
    ledger.take(connections[0], batch(late, event(3, 1, "sending", NEVER), deposit))
    assert booked(database) == {deposit.key: [Decimal("25.000000000000000001")]}


def test_it_is_short_enough_to_copy() -> None:
    """One file of some 150 lines, which the page beside it shows how to start."""
    assert len(Path(ledger.__file__).read_text("utf-8").splitlines()) <= 160
    assert "ledger.py" in (Path(ledger.__file__).parent / "README.md").read_text("utf-8")
