"""Stored events again: chosen from the journal or from Kafka, each once, and published for a run."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from receiver.model.errors import ConfigurationError
from receiver.model.records import OutboxRecord
from receiver.operate import replay_events
from receiver.operate.context import make_interpreter
from receiver.operate.replay_events import journal_events, kafka_events, to_kafka
from receiver.operate.selection import Filter
from receiver.publish.routing import Rule
from receiver.sandbox.fakes import FakeKafka
from tests.operate.desk import context_of, exchange, published
from tests.support import NOW_S, Way


async def filled() -> Way:
    """Two exchanges, the first with two statuses, and what nobody could read in between."""
    way = Way()
    for body in (exchange("one", status="Pending"), b"junk", exchange("two"), exchange("one")):
        await way.events("0xpay-main", [body])
        way.clock.advance(10)
    return way


async def told(events: AsyncIterator[OutboxRecord]) -> list[tuple[int, str, str]]:
    """(number, operation, status) of each."""
    return [(one.number, one.operation_id, one.status) async for one in events]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Filter(), [1, 3, 4]),
        (Filter(operation="one"), [1, 4]),
        (Filter(status="completed"), [3, 4]),
        (Filter(limit=2), [1, 3]),
        (Filter(since_us=(NOW_S + 20) * 1_000_000), [3, 4]),
        (Filter(source="other"), []),
    ],
)
async def test_events_of_the_journal_in_the_order_of_the_outbox(
    wanted: Filter, numbers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over more than one page; what is in quarantine is no event."""
    monkeypatch.setattr(replay_events, "PAGE", 2)
    context = context_of(await filled())
    assert [number for number, _, _ in await told(journal_events(context, wanted))] == numbers


async def test_events_of_kafka_are_each_given_once_whatever_copies_there_are() -> None:
    """Copies of a route and those of an earlier replay are passed over; numbers are places in what is given."""
    way = await filled()
    cluster = FakeKafka(rules=[Rule({"status": "completed"}, "exchange.extra.status.v1", also=True)])
    context = context_of(way, cluster)
    await published(way, cluster)
    again = journal_events(context, Filter())
    await to_kafka(context, again, topic="exchange.status.v1", run_id="earlier", advance=lambda _: None)
    assert len(cluster.messages) == 9
    events = await told(kafka_events(context, Filter(operation="one")))
    assert events == [(1, "one", "pending"), (2, "one", "completed")]
    assert await told(kafka_events(context, Filter(status="completed", limit=1))) == [(1, "two", "completed")]


async def test_without_kafka_there_are_no_events_of_it() -> None:
    """A fault of the configuration."""
    with pytest.raises(ConfigurationError):
        await told(kafka_events(context_of(Way()), Filter()))


async def test_a_run_publishes_each_event_once_also_what_was_imported_as_published() -> None:
    """To the topic of the run, marked with it; the same run again sends nothing."""
    way = Way()
    cluster, advanced = FakeKafka(), list[int]()
    context = context_of(way, cluster)
    await way.deliver("0xpay-main", exchange("one"))
    await way.deliver("0xpay-main", exchange("two"))
    make_interpreter(context, way.stores, publish=False).step()
    assert [record.publish for record in way.outbox.records] == [False, False]

    async def run() -> int:
        events = journal_events(context, Filter())
        return await to_kafka(context, events, topic="copy", run_id="r", advance=advanced.append)

    assert await run() == 2
    assert await run() == 0
    assert advanced == [1, 1, 1, 1]
    assert [(one.topic, one.record, dict(one.headers)["receiver-replay"]) for one in cluster.messages] == [
        ("copy", 1, b"r"), ("copy", 2, b"r"),
    ]  # fmt: skip
