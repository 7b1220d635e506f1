"""One operation's story: what arrived, what it became, and where on Kafka it lies."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from receiver.model.errors import ConfigurationError, KafkaUnavailable, ReceiverError
from receiver.operate.timeline import find_operations, timeline
from receiver.providers.contract import Sources
from receiver.providers.zeroxpay import callbacks as zeroxpay
from receiver.publish.ports import Places
from receiver.sandbox.fakes import FakeKafka
from tests.operate.desk import SWAPS, context_of, exchange, published
from tests.support import ACCOUNT, Way, oxpay_source, polled

SWAP_ID: str = SWAPS["PENDING"]["id"]


async def filled() -> Way:
    """An exchange that was told of, repeated, told of in a word that nobody knows, and completed."""
    way = Way()
    for body in (
        exchange("one", status="Pending"),
        exchange("one", status="Pending"),
        exchange("one", status="Refunded"),
        exchange("other"),
        exchange("one"),
    ):
        await way.events("0xpay-main", [body])
        way.clock.advance(1)
    return way


async def test_every_arrival_in_order_with_what_it_became() -> None:
    """A duplicate shows the event that it repeats; what nobody could read is found by its bytes."""
    rows = await timeline(context_of(await filled()), "one")
    assert [(row["callback"], row["outcome"], row.get("status"), row.get("sequence")) for row in rows] == [
        (1, "event", "pending", 1),
        (2, "duplicate", "pending", 1),
        (3, "quarantine", None, None),
        (5, "event", "completed", 2),
    ]
    assert rows[1]["received_at"] == "2024-05-27T08:55:31.000000Z"
    assert (rows[2]["reason"], rows[2]["state"]) == ("unknown_status", "open")


async def test_the_whole_key_means_the_same() -> None:
    """It is what consumers have."""
    context = context_of(await filled())
    assert await timeline(context, f"0xpay:{ACCOUNT}:exchange:one") == await timeline(context, "one")


async def test_answers_of_the_api_stand_among_the_callbacks() -> None:
    """By their requests' numbers."""
    way = Way()
    await way.events("swaps", [json.dumps(SWAPS["PENDING"]).encode()])
    way.clock.advance(5)
    way.requests.add("poll", way.clock.us, {"source": "swaps", "body": json.dumps(SWAPS["PROCESSED"]), "after": 1})
    way.interpret()
    rows = await timeline(context_of(way), SWAP_ID)
    assert [(row["callback"], row["observed_via"]) for row in rows] == [(1, "webhook"), ("poll-1", "poll")]
    assert polled(way, "swaps", SWAPS["PENDING"] | {"status": "LOST"})["reason"] == "unknown_status"


async def test_where_each_event_lies_on_kafka() -> None:
    """Only of events; a Kafka that is not there leaves the places out."""
    way, cluster = await filled(), FakeKafka()
    await published(way, cluster)
    rows = await timeline(context_of(way, cluster), "one")
    assert [row.get("kafka") for row in rows] == [
        [{"topic": "exchange.status.v1", "partition": 0, "offset": 0}],
        [],
        [],
        [{"topic": "exchange.status.v1", "partition": 0, "offset": 2}],
    ]

    class Down(FakeKafka):
        async def find(self, messages: object, since_ms: int) -> Places:
            del messages, since_ms
            raise KafkaUnavailable("nobody answers")

    assert all("kafka" not in row for row in await timeline(context_of(way, Down()), "one"))


async def test_an_id_of_several_operations_must_be_said_whole() -> None:
    """Both keys are named."""
    other = "11111111-1111-4111-8111-111111111111"
    second = oxpay_source(name="second", account=other)
    way = Way((zeroxpay.PROVIDER, oxpay_source()), (zeroxpay.PROVIDER, second))
    await way.events("0xpay-main", [exchange("one")])
    await way.events("second", [exchange("one", merchantId=other)])
    with pytest.raises(ReceiverError, match=rf"several operations have this id: .*{ACCOUNT}.*{other}"):
        await timeline(context_of(way), "one")
    assert len(await timeline(context_of(way), f"0xpay:{other}:exchange:one")) == 1


async def test_nothing_known_is_an_error() -> None:
    """And not an empty answer."""
    with pytest.raises(ReceiverError, match="nothing is known of an operation nobody"):
        await timeline(context_of(await filled()), "nobody")


async def test_without_secrets_an_operation_is_found_all_the_same() -> None:
    """By its id, for who only looks."""
    way = await filled()

    def refuse() -> Sources:
        raise ConfigurationError(["the environment has no KEY"])

    context = replace(context_of(way), open_sources=refuse)
    (found,) = find_operations(context, way.journal.search(), "other")
    assert found.key == f"0xpay:{ACCOUNT}:exchange:other"


async def test_callbacks_of_one_moment_stand_in_the_order_of_their_numbers() -> None:
    """The tenth after the ninth, and not after the first."""
    way = Way()
    await way.events("0xpay-main", [exchange("same")] * 11)
    rows = await timeline(context_of(way), "same")
    assert [row["callback"] for row in rows] == list(range(1, 12))


async def test_what_nobody_could_read_is_looked_through_for_a_bounded_time() -> None:
    """Where a page asks: one is looked at in any case; a command looks through all."""
    way = Way()
    await way.events("0xpay-main", [exchange("one"), *(exchange("one", status=f"Odd{place}") for place in range(3))])
    context = context_of(way)
    assert [row["outcome"] for row in await timeline(context, "one")] == ["event"] + ["quarantine"] * 3
    assert [row["outcome"] for row in await timeline(context, "one", scan_s=-1)] == ["event", "quarantine"]
