"""Late replays never become a second effective event, nor one with an old id, whatever was forgotten."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.interpret.lifecycle import Content, decide
from receiver.interpret.requests import redrive
from receiver.model.callback import EntryId
from receiver.model.forgotten import LOST
from receiver.model.operation import OperationState, Step
from receiver.providers.onchainpay import callbacks as onchainpay
from receiver.publish.refused import refused
from tests.support import ONCHAINPAY_VECTORS, OXPAY_VECTORS, Way, polled

SWAP: dict[str, Any] = ONCHAINPAY_VECTORS["samples"]["auto_swap"]["PENDING"]
DONE: dict[str, Any] = next(
    one for v in OXPAY_VECTORS["bodies"] if (one := json.loads(v["body"])).get("kind") == "Exchange"
)


def swap(status: str, amount: str = "5", updated: str = "2024-05-27T08:55:23Z") -> bytes:
    """One content of one operation."""
    return json.dumps(SWAP | {"status": status, "amountFrom": amount, "updatedAt": updated}).encode()


def exchange(status: str, amount: str) -> bytes:
    """The same of a provider that says no time of change, so that the later arrival wins."""
    return json.dumps(DONE | {"status": status, "spendAmount": amount}).encode()


def forget(way: Way, limit: int = 100) -> None:
    """Have retention take every content."""
    way.outbox.purge(None, "9999-01-01T00:00:00.000000Z", limit)
    assert limit < 100 or all(not operation.seen for operation in way.outbox.known.values())


def effective(way: Way) -> list[str]:
    """The ids of the effective events so far."""
    return [record.record_id for record in way.outbox.records if record.effective]


SWAPS = [swap(status, amount) for status in ("PENDING", "WITHDRAWING", "PROCESSED", "ERROR") for amount in ("5", "6")]
EXCHANGES = [exchange(status, amount) for status in ("Pending", "Exchanged", "Done", "Failed") for amount in ("5", "6")]


@pytest.mark.parametrize(("source", "bodies"), [("swaps", SWAPS), ("0xpay-main", EXCHANGES)])
async def test_what_was_an_event_is_none_again_after_its_contents_went(source: str, bodies: Sequence[bytes]) -> None:
    """Of every status, whether it was effective at its time or not, once and again."""
    way = Way()
    said = await way.events(source, bodies)
    assert len(said) == len(bodies)
    state = next(iter(way.outbox.known.values())).state
    for _ in range(2):
        forget(way)
        assert await way.events(source, [*bodies, *reversed(bodies)]) == []
        assert next(iter(way.outbox.known.values())).state == state
    outcomes = way.outbox.outcomes_between(len(bodies) + 1, 5 * len(bodies)).values()
    assert {(one.outcome, one.record) for one in outcomes} == {("duplicate", None)}
    assert len({one.operation for one in outcomes}) == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(EXCHANGES), st.integers(1, 3)), max_size=14))
async def test_in_any_order_with_any_forgetting_an_event_id_comes_once(steps: list[bytes | int]) -> None:
    """And with the same result as where nothing is ever forgotten."""
    forgetful, keeping = Way(), Way()
    for step in steps:
        if isinstance(step, int):
            forget(forgetful, step)
        else:
            assert await forgetful.events("0xpay-main", [step]) == await keeping.events("0xpay-main", [step])
    ids = [record.record_id for record in forgetful.outbox.records]
    assert len(set(ids)) == len(ids)


async def test_a_release_that_reads_a_payload_otherwise_makes_no_event_of_a_late_replay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its id is another then; the payload's mark is the same."""
    way = Way()
    await way.events("swaps", [swap("PROCESSED")])
    forget(way)
    normalise = onchainpay.PROVIDER.normalise
    other = replace(
        onchainpay.PROVIDER, normalise=lambda *said: replace(normalise(*said), risk="what nobody read before")
    )
    sources = way.rules.sources
    way.interpreter.sources = {**sources, "swaps": (other, sources["swaps"][1])}
    assert await way.events("swaps", [swap("PROCESSED")]) == []


async def test_what_is_new_is_an_event_however_late_it_is() -> None:
    """A provider may still change its mind about an operation whose contents went."""
    way = Way()
    await way.events("swaps", [swap("PENDING")])
    forget(way)
    late = [swap("PROCESSED"), swap("PROCESSED", "7", "2024-05-28T08:55:23Z")]
    (done, amended) = await way.events("swaps", late)
    assert (done["sequence"], done["effective"], done["anomalies"]) == (2, True, [])
    assert (amended["sequence"], amended["effective"], amended["anomalies"]) == (3, True, ["amended"])


@pytest.mark.parametrize("amounts", list(itertools.permutations(("5", "6"))))
async def test_of_an_older_release_the_effective_event_is_known_and_no_other_takes_its_place(amounts: Any) -> None:
    """Nothing stayed of its contents: a replay of the effective one is a duplicate, any other is never effective."""
    way = Way()
    await way.events("0xpay-main", [exchange("Done", amount) for amount in amounts])
    ((key, operation),) = way.outbox.known.items()
    way.outbox.known[key] = replace(operation, seen=(), forgotten=LOST)
    before = effective(way)
    said = await way.events("0xpay-main", [exchange("Done", amount) for amount in amounts])
    assert [(event["effective"], event["anomalies"]) for event in said] == [(False, ["late", "amended"])]
    assert effective(way) == before


def test_a_doubtful_content_is_late_where_it_would_take_the_place_of_its_own_word() -> None:
    """A higher rank wins all the same: that it was an event before would have left a rank as high."""
    state = OperationState(1, "Done", 2, terminal=True, event_id="one", revisions={"Done": 1})
    done = Content("two", "Done", Step("completed", 2, terminal=True), None, 9, doubtful=True)
    assert (decide(state, done).effective, decide(state, done).anomalies) == (False, ("late", "amended"))
    assert decide(replace(state, rank=1, provider_status="Pending"), done).effective


async def test_an_overruling_answer_of_the_api_is_an_event_and_once() -> None:
    """Also where what it confirms was forgotten; its own id is remembered as any other."""
    way = Way()
    await way.events("swaps", [swap("ERROR"), swap("PROCESSED")])
    forget(way)
    overruled = polled(way, "swaps", json.loads(swap("PROCESSED")))
    assert (overruled["effective"], overruled["observed_via"], overruled["anomalies"]) == (True, "poll", ["conflict"])
    forget(way)
    assert await way.events("swaps", [swap("PROCESSED"), swap("ERROR")]) == []


async def test_what_kafka_refused_is_redriven_after_any_time() -> None:
    """Nobody ever saw its event: neither its content nor the operation's state stand in its way."""
    way = Way()
    await way.events("swaps", [swap("PROCESSED")])
    (record,) = way.outbox.records
    way.outbox.replace(refused(record, way.inbox.entry(1), "too large", frozenset()))
    assert way.outbox.purge(None, "9999-01-01T00:00:00.000000Z", 100) == 0
    way.outbox.commit(redrive([EntryId("inbox", 1)], way.rules, way.stores).batch)
    (again,) = (one for one in way.outbox.records if one.number > 1)
    assert (again.record_id, again.effective) == (record.record_id, True)
