"""Replay over HTTP: original order per operation, resumable, early end; and to Kafka once per run."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from receiver.model.callback import VerifiedCallback
from receiver.model.errors import KafkaUnavailable
from receiver.model.records import OutboxRecord, Position
from receiver.operate import replay_callbacks as replay
from receiver.operate.replay_callbacks import Done, HttpReplay, Item, Pace, differences, publish_again, target_url
from receiver.providers.zeroxpay import callbacks as zeroxpay
from receiver.publish.ports import Message
from receiver.publish.routing import route
from receiver.sandbox.fakes import FakeKafka
from tests.support import oxpay_source

TARGETS = {"main": (zeroxpay.PROVIDER, oxpay_source(name="main"))}


def items(count: int, operations: int = 10) -> Iterator[Item]:
    """Callbacks dealt over some operations, one second apart."""
    for number in range(1, count + 1):
        body = json.dumps({"n": number, "operation": number % operations}).encode()
        headers = ((b"host", b"old"), (b"signature", b"old"), (b"x-kept", b"1"), (b"content-length", b"99"))
        yield Item(number, f"o{number % operations}", VerifiedCallback("main", number * 1_000_000, headers, body))


class Door:
    """A receiver that remembers, and answers as told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answers: Any = None) -> None:
        self.seen: list[tuple[dict[str, Any], httpx.Headers]] = []
        self._answers = answers or (lambda _: 200)
        client = httpx.AsyncClient
        monkeypatch.setattr(replay, "RETRY_S", 0.001)
        monkeypatch.setattr(
            "receiver.operate.replay_callbacks.httpx.AsyncClient",
            lambda **_: client(transport=httpx.MockTransport(self._answer)),
        )

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        said = json.loads(request.content)
        await asyncio.sleep(0.001 * (said["n"] % 3))
        self.seen.append((said, request.headers))
        return httpx.Response(self._answers(said["n"]))

    def by_operation(self) -> dict[int, list[int]]:
        """Numbers in order of arrival, for each operation."""
        found: dict[int, list[int]] = defaultdict(list)
        for said, _ in self.seen:
            found[said["operation"]].append(said["n"])
        return found


def sending(done: Done | None = None, *, as_received: bool = False, **pace: Any) -> HttpReplay:
    """A run."""
    return HttpReplay("http://127.0.0.1/", TARGETS, Pace(**pace), done or Done(), as_received=as_received)


async def test_each_operation_keeps_its_order_and_signatures_are_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Operations go side by side; headers are kept, but for the connection's and the signature's."""
    door = Door(monkeypatch)
    done: list[int] = []
    results = await sending().run(items(200), done.append)
    assert (results.done, results.failed, results.answers["200"], sum(done)) == (200, 0, 200, 200)
    assert all(numbers == sorted(numbers) for numbers in door.by_operation().values())
    _, headers = door.seen[0]
    assert (headers["x-kept"], headers["host"]) == ("1", "127.0.0.1")
    assert len(headers["signature"]) == 64
    assert int(headers["content-length"]) < 99


async def test_as_received_sends_the_stored_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stale by now, perhaps: that is what is asked for."""
    door = Door(monkeypatch)
    await sending(as_received=True).run(items(1), lambda _: None)
    assert door.seen[0][1]["signature"] == "old"


async def test_a_503_is_tried_again_in_its_place_and_a_401_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order holds over a retry; what will never be taken is counted as failed."""
    tries: dict[int, int] = defaultdict(int)

    def answers(number: int) -> int:
        tries[number] += 1
        return 401 if number == 7 else 503 if number == 5 and tries[5] < 3 else 200

    door = Door(monkeypatch, answers)
    results = await sending().run(items(30), lambda _: None)
    assert (results.done, results.failed) == (29, 1)
    assert (results.answers["503"], results.answers["401"], tries[7]) == (2, 1, 1)
    assert door.by_operation()[5] == [5, 5, 5, 15, 25]


async def test_it_stops_early_when_nothing_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong secret does not send a whole day's traffic."""
    door = Door(monkeypatch, lambda _: 401)
    results = await sending(failures_max=5).run(items(1000), lambda _: None)
    assert results.stopped == "5 callbacks in a row failed"
    assert len(door.seen) < 200


async def test_an_interrupted_run_goes_on_where_it_stood(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was answered 200 is not sent again; nothing is left out."""
    door = Door(monkeypatch)
    first = sending()

    def stop_at_40(_: int) -> None:
        if len(door.seen) == 40:
            first.stop("interrupted")

    await first.run(items(200), stop_at_40)
    assert first.results.stopped == "interrupted"
    answered = {said["n"] for said, _ in door.seen}
    assert len(answered) < 200
    state = Done(first.done.low, set(first.done.beyond))
    await sending(state).run(items(200), lambda _: None)
    numbers = [said["n"] for said, _ in door.seen]
    assert sorted(numbers) == list(range(1, 201))


async def test_the_pace_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """At most so many a second; or the original distances, so many times faster."""
    loop = asyncio.get_running_loop()
    for run in (sending(rate=100.0), sending(speed=100.0)):
        Door(monkeypatch)
        started = loop.time()
        await run.run(items(20), lambda _: None)
        assert loop.time() - started >= 0.18


def test_what_is_done_is_kept_small() -> None:
    """All up to a number, and those beyond it."""
    done = Done()
    assert all(done.begin(number) for number in (1, 2, 3, 5))
    for number in (3, 1):
        done.end(number)
    assert (done.low, done.beyond) == (1, {3})
    done.end(2)
    assert (done.low, done.beyond) == (3, set())
    assert not done.begin(2)
    done.end(5)
    assert done.low == 5


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://h:1", "http://h:1/webhooks/main"),
        ("http://h:1/", "http://h:1/webhooks/main"),
        ("http://h:1/webhooks", "http://h:1/webhooks/main"),
        ("http://h:1/webhooks/", "http://h:1/webhooks/main"),
        ("http://h:1/in/{source}/x", "http://h:1/in/main/x"),
        ("http://h:1/other", "http://h:1/other"),
    ],
)
def test_where_a_sources_callbacks_go(url: str, target: str) -> None:
    """A bare host gets the receiver's own path."""
    assert target_url(url, "main") == target


def record(number: int) -> OutboxRecord:
    """An event record."""
    return OutboxRecord(
        number, "event", f"id-{number}", "0xpay", "main", "m", "exchange", "exchange", "o", "completed",
        effective=True, received_at="2024-05-27T08:55:30.012345Z", callback=number, traceparent=None, value=b"{}",
    )  # fmt: skip


async def events(count: int) -> AsyncIterator[OutboxRecord]:
    """Some events."""
    for number in range(1, count + 1):
        yield record(number)


async def test_events_are_published_once_per_run_also_when_it_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Same key, value and id; a header names the run; its position is the run's own."""
    monkeypatch.setattr(replay, "BATCH", 10)
    kafka = FakeKafka()
    seen: list[int] = []

    def make(one: OutboxRecord) -> Message:
        return route(one, (), "", "journal")[0]

    async def run() -> int:
        return await publish_again(
            kafka.replay_publisher("run-1", "journal", "copy"), events(95), make, "copy", "run-1", seen.append
        )

    calls = 0

    def failing(number: int, record_id: str) -> Position:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KafkaUnavailable("gone")
        return Position(number, record_id)

    monkeypatch.setattr(replay, "Position", failing)
    with pytest.raises(KafkaUnavailable):
        await run()
    assert len(kafka.messages) == 30
    assert await run() == 65
    assert [message.record for message in kafka.messages] == list(range(1, 96))
    assert {message.topic for message in kafka.messages} == {"copy"}
    headers = dict(kafka.messages[0].headers)
    assert (headers["receiver-replay"], headers["ce_id"]) == (b"run-1", b"id-1")


def test_only_facts_count_as_differences() -> None:
    """An event's place in its operation is not today's code's business."""
    before = {"spent": {"amount": "1"}, "sequence": 1, "event_id": "a", "status": "x"}
    after = {"spent": {"amount": "2"}, "sequence": 9, "event_id": "b", "status": "x"}
    assert differences(before, after) == {"spent": ({"amount": "1"}, {"amount": "2"})}
