"""The tail: one reader for all, nobody waits for a slow one, and nobody is sent what they did not ask for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import orjson
import pytest

from receiver.console.live import LISTENERS_MAX, QUEUE_MAX, RETRY_MS, SKIPPED_MAX, Listener, Live, as_row
from receiver.console.metrics import ConsoleMetrics
from receiver.journal.memory.outbox import MemoryOutbox
from receiver.model.records import OutboxRecord
from tests.operate.desk import context_of, exchange
from tests.support import Way


def told(piece: bytes) -> list[dict[str, str]]:
    """The messages in a piece of a stream, field by field."""
    messages = piece.decode().strip("\r\n").split("\r\n\r\n")
    return [dict(line.split(": ", 1) for line in message.split("\r\n")) for message in messages]


async def test_what_comes_is_sent_to_all_who_listen() -> None:
    """Only what comes from then on, each event once."""
    way = Way()
    await way.events("0xpay-main", [exchange("before")])
    live = Live(context_of(way), ConsoleMetrics())
    streams = [live.events(Listener({})) for _ in range(3)]
    assert [told(await anext(stream)) for stream in streams] == [[{"retry": str(RETRY_MS)}]] * 3
    waiting = [asyncio.ensure_future(anext(stream)) for stream in streams]
    while live.listeners() < 3 or live._reading is None or way.outbox.last_number() != 1:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)  # until the reader has begun, so that what is sent now is new to it
    await way.events("0xpay-main", [exchange("after")])
    got = [told(await one) for one in waiting]
    assert [orjson.loads(one["data"])["operation_id"] for (one,) in got] == ["after"] * 3
    live.close()


async def test_a_slow_listener_is_told_how_many_it_missed() -> None:
    """And the reader does not wait for it."""
    way, metrics = Way(), ConsoleMetrics()
    await way.events("0xpay-main", [exchange("x")])
    live = Live(context_of(way), metrics)
    slow = Listener({})
    live._listeners.add(slow)
    record = way.outbox.read(0, 1)[0]
    for _ in range(QUEUE_MAX + 7):
        live.offer(record)
    stream = live.events(slow)
    await anext(stream)
    first, *others = told(await anext(stream))
    assert first == {"event": "skipped", "data": "7"}
    assert [one["event"] for one in others] == ["record"] * QUEUE_MAX, "in one piece with all that waited"
    assert metrics.registry.get_sample_value("receiver_console_events_skipped_total") == 7
    live.close()


async def test_a_listener_gets_what_it_chose() -> None:
    """Others do not fill its queue."""
    way = Way()
    await way.events("0xpay-main", [exchange("x")])
    row = as_row(way.outbox.read(0, 1)[0])
    for wanted, sent in (({"source": "0xpay-main"}, 1), ({"source": "swaps"}, 0), ({"status": "pending"}, 0)):
        listener = Listener(wanted)
        assert listener.offer(row, b"told")
        assert listener.queue.qsize() == sent


async def test_no_more_than_so_many_listen() -> None:
    """A further one is told so, and costs nothing."""
    live = Live(context_of(Way()), ConsoleMetrics())
    live._listeners |= {Listener({}) for _ in range(LISTENERS_MAX)}
    assert live.answer({}).status_code == 503


async def test_whoever_listens_is_sent_away_at_the_end() -> None:
    """Also one whose queue is full; nobody comes any more."""
    live = Live(context_of(Way()), ConsoleMetrics())
    quiet, full = Listener({}), Listener({})
    for _ in range(QUEUE_MAX):
        full.queue.put_nowait(b"told")
    live._listeners.add(full)
    stream = live.events(quiet)
    await anext(stream)
    waiting = asyncio.ensure_future(anext(stream, None))
    while live.listeners() < 2:
        await asyncio.sleep(0.01)
    live.close()
    assert await waiting is None
    assert live.answer({}).status_code == 503
    late = live.events(full)
    await anext(late)
    with pytest.raises(StopAsyncIteration):
        await anext(late)


async def test_nobody_reads_while_nobody_listens() -> None:
    """The reader ends with the last listener."""
    live = Live(context_of(Way()), ConsoleMetrics())
    stream = live.events(Listener({}))
    await anext(stream)
    waiting = asyncio.ensure_future(anext(stream, None))
    while live._reading is None:
        await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await live._reading
    assert live.listeners() == 0


async def test_a_listener_that_does_not_read_costs_so_much_and_is_dropped() -> None:
    """Its place is another's then, nothing is kept for it, and those who read have missed nothing."""
    way, metrics = Way(), ConsoleMetrics()
    await way.events("0xpay-main", [exchange("x")])
    live = Live(context_of(way), metrics)
    silent, reads = Listener({}), Listener({})
    live._listeners |= {silent, reads}
    stream = live.events(silent)
    await anext(stream)
    record, got = way.outbox.read(0, 1)[0], 0
    for _ in range(QUEUE_MAX + SKIPPED_MAX + 1):
        live.offer(record)
        assert silent.queue.qsize() <= QUEUE_MAX
        while not reads.queue.empty():
            reads.queue.get_nowait()
            got += 1
    assert live._listeners == {reads}
    assert got == QUEUE_MAX + SKIPPED_MAX + 1
    assert silent.queue.qsize() == 1, "the end alone"
    assert way.log.named("console.listener_dropped") == [{"missed": SKIPPED_MAX + 1}]
    assert metrics.registry.get_sample_value("receiver_console_listeners") == 1
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    live.close()


async def test_one_look_at_the_journal_serves_all_who_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many they are, each record is read once, by one reader."""
    way = Way()
    live = Live(context_of(way), ConsoleMetrics())
    given: list[int] = []
    readers: set[int] = set()
    read = MemoryOutbox.read

    def counted(self: MemoryOutbox, after: int, limit: int) -> Sequence[OutboxRecord]:
        records = read(self, after, limit)
        given.extend(record.number for record in records)
        readers.add(threading.get_ident())
        return records

    streams = [live.events(Listener({})) for _ in range(LISTENERS_MAX)]
    for stream in streams:
        await anext(stream)
    waiting = [asyncio.ensure_future(anext(stream)) for stream in streams]
    await way.events("0xpay-main", [exchange("before")])
    monkeypatch.setattr(MemoryOutbox, "read", counted)
    while not readers:
        await asyncio.sleep(0.01)
    numbers = {told(await one)[-1]["id"] for one in waiting} if given else set()
    if not numbers:  # what came before the reader began is not new to it
        await way.events("0xpay-main", [exchange("after")])
        numbers = {told(await one)[-1]["id"] for one in waiting}
    assert numbers == {str(given[-1])}
    assert len(given) == len(set(given))
    assert len(readers) == 1
    live.close()
