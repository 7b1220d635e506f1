"""Erasing an operation: what is found of it, what stands in its place, and that what follows is right."""

from __future__ import annotations

import json

import orjson
import pytest

from exchange_events.status_event import StatusEvent
from receiver.model.callback import RawCallback
from receiver.model.errors import KafkaUnavailable, ReceiverError
from receiver.model.records import Position
from receiver.operate.erase import carry_out, emptied, erased_records, plan_erasure
from receiver.operate.journal import check
from receiver.operate.replay_events import journal_events
from receiver.operate.selection import Filter
from receiver.operate.timeline import timeline
from receiver.publish.ports import Places
from receiver.sandbox.fakes import FakeKafka
from tests.operate.desk import context_of, exchange, published
from tests.support import ACCOUNT, Way

KEY = f"0xpay:{ACCOUNT}:exchange:one"


async def filled() -> Way:
    """An exchange that was told of, repeated, told of in a word that nobody knows, and completed; and another one."""
    way = Way()
    for body in (exchange("one", status="Pending"), exchange("one", status="Pending"), exchange("other")):
        await way.events("0xpay-main", [body])
    await way.events("0xpay-main", [exchange("one", status="Refunded"), exchange("one")])
    rejects = way.journal.rejects(write=True)
    rejects.add(RawCallback("0xpay-main", 1, (), exchange("one")), "signature", 9)
    rejects.add(RawCallback("0xpay-main", 1, (), exchange("one-and-more")), "signature", 9)
    return way


async def test_all_of_it_is_found_and_nothing_is_changed_by_looking() -> None:
    """By the provider's id or the whole key; a longer id that begins alike is another's."""
    way = await filled()
    context = context_of(way)
    plan = await plan_erasure(context, "one")
    assert plan == await plan_erasure(context, KEY)
    assert plan.erasure.what() == {"callbacks": [1, 2, 4, 5], "answers": [], "records": [1, 3, 4], "rejects": [1]}
    assert (plan.erasure.operation, plan.on_kafka) == (KEY, [])
    assert "not configured" in plan.kafka
    assert context.journal.erasures() == []


async def test_what_stands_in_an_events_place_is_a_sound_event_about_nobody() -> None:
    """Consumers' model reads it; amounts, destinations, references and free text are gone."""
    way = await filled()
    with_all = way.outbox.read(0, 9)[0]
    said = orjson.loads(with_all.value) | {"reference": "r", "meta": "m", "transaction_hash": "0x1"}
    value = emptied(way.outbox.read(0, 9)[0]).value
    event = StatusEvent.model_validate_json(value)
    assert (event.sequence, event.status, event.operation_id) == (said["sequence"], said["status"], "one")
    assert (event.spent, event.received, event.payout, event.reference, event.meta) == (None,) * 5
    assert (event.price, event.usd, event.failure, event.transaction_hash, list(event.fees)) == (None,) * 4 + ([],)
    quarantined = next(record for record in way.outbox.read(0, 9) if record.record_type == "quarantine")
    left = orjson.loads(emptied(quarantined).value)
    assert (left["headers"], left["body_sha256"]) == ([], None)
    assert emptied(quarantined).publish is False


async def test_a_late_callback_afterwards_is_late_and_a_repeated_one_a_duplicate() -> None:
    """No second effective event, and the sequence goes on."""
    way = await filled()
    context = context_of(way)
    carry_out(context, await plan_erasure(context, "one"), who="a test", reason="asked to")
    assert not [entry for entry in way.inbox.read(0, 9) if b'"one"' in entry.callback.body]
    before = way.outbox.last_number()
    assert await way.events("0xpay-main", [exchange("one")]) == []
    (late,) = await way.events("0xpay-main", [exchange("one", status="Exchanged")])
    assert (late["effective"], late["sequence"], late["anomalies"]) == (False, 3, ["late"])
    assert way.outbox.last_number() == before + 1


async def test_the_act_is_told_of_and_is_no_fault() -> None:
    """In the timeline and by the check, without anything that was erased."""
    way = await filled()
    context = context_of(way)
    carry_out(context, await plan_erasure(context, "one"), who="a test", reason="asked to")
    checked = await check(context)
    assert (checked.faults, [act.operation for act in checked.erased]) == ([], [KEY])
    rows = await timeline(context, "one")
    told = next(row for row in rows if row["outcome"] == "erased")
    assert (told["who"], told["reason"], told["what"]["callbacks"]) == ("a test", "asked to", [1, 2, 4, 5])
    assert [row["sequence"] for row in rows if row["outcome"] == "event"] == [1, 2]


async def test_what_was_erased_is_not_sent_again() -> None:
    """A replay leaves it out: it would be published as an event about nobody, with the id of one about somebody."""
    way = await filled()
    context = context_of(way)
    everything = [record.number async for record in journal_events(context, Filter())]
    carry_out(context, await plan_erasure(context, "one"), who="a test", reason="asked to")
    assert erased_records(context) == {1, 3, 4}
    assert [record.number async for record in journal_events(context, Filter())] == [2]
    assert everything == [1, 2, 4]


async def test_what_stays_on_kafka_is_named() -> None:
    """Topic, partition and offset of each event; a Kafka that is not there is said to be unknown."""
    way, cluster = await filled(), FakeKafka()
    await published(way, cluster)
    way.outbox.remember("a-cluster", Position(4, "the last one"))
    plan = await plan_erasure(context_of(way, cluster), "one")
    assert [(at["record"], at["topic"], at["partition"]) for at in plan.on_kafka] == [
        (1, "exchange.status.v1", 0),
        (4, "exchange.status.v1", 0),
    ]
    assert "2 records" in plan.kafka

    class Down(FakeKafka):
        async def find(self, *_: object) -> Places:
            raise KafkaUnavailable("away")

    down = Down()
    plan = await plan_erasure(context_of(way, down), "one")
    assert (plan.on_kafka, "away" in plan.kafka) == ([], True)


async def test_what_is_under_way_is_not_erased() -> None:
    """A callback that waits, an event that is not published, an id that nobody or several have."""
    way = await filled()
    with pytest.raises(ReceiverError, match="record 1 is not on Kafka yet"):
        await plan_erasure(context_of(way, FakeKafka()), "one")
    with pytest.raises(ReceiverError, match="nothing is known of an operation nobody"):
        await plan_erasure(context_of(way), "nobody")
    await way.deliver("0xpay-main", exchange("one", status="Exchanged"))
    with pytest.raises(ReceiverError, match="callback 6 names it and is not interpreted yet"):
        await plan_erasure(context_of(way), "one")
    assert json.loads(exchange("one"))["id"] == "one"
