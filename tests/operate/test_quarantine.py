"""What is in quarantine: chosen, shown whole, and what a redrive would make of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from receiver.model.callback import EntryId
from receiver.model.errors import ReceiverError
from receiver.model.records import QuarantineFilter
from receiver.operate import quarantine
from receiver.operate.context import Context
from receiver.operate.quarantine import preview, quarantined, quarantined_whole, row
from receiver.providers.onchainpay import callbacks as onchainpay
from tests.operate.desk import SWAPS, context_of, exchange
from tests.support import Way, polled

ALL = QuarantineFilter(state=None)


def swap(word: str, **changes: Any) -> bytes:
    """A swap with a status."""
    return json.dumps(SWAPS["PENDING"] | {"status": word} | changes).encode()


async def filled() -> Way:
    """Three that nobody could read, of two sources, and an answer."""
    way = Way()
    await way.events("swaps", [swap("REFUNDED"), b"junk"])
    await way.events("0xpay-main", [exchange("one", status="Refunded")])
    polled(way, "swaps", SWAPS["PENDING"] | {"status": "LOST"})
    return way


async def test_callbacks_come_first_by_number_then_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over more than one page."""
    monkeypatch.setattr(quarantine, "PAGE", 2)
    context = context_of(await filled())
    assert [str(one.id) for one in quarantined(context, ALL)] == ["1", "2", "3", "poll-1"]


@pytest.mark.parametrize(
    ("wanted", "ids", "found"),
    [
        (QuarantineFilter(source="swaps"), (), ["1", "2", "poll-1"]),
        (QuarantineFilter(reason="not_json"), (), ["2"]),
        (QuarantineFilter(state="closed"), (), []),
        (ALL, (EntryId("inbox", 3), EntryId("requests", 1), EntryId("inbox", 99)), ["3", "poll-1"]),
        (QuarantineFilter(source="swaps"), (EntryId("inbox", 3),), []),
    ],
)
async def test_the_filter_and_the_ids_both_choose(wanted: QuarantineFilter, ids: Any, found: list[str]) -> None:
    """An id that is not in quarantine is passed over."""
    assert [str(one.id) for one in quarantined(context_of(await filled()), wanted, ids)] == found


async def test_one_is_shown_whole_without_its_signature() -> None:
    """Its body as text, also where it is none."""
    way = Way()
    await way.events("swaps", [b'{"id": "\xff"}'])
    whole = quarantined_whole(context_of(way), EntryId("inbox", 1))
    assert (whole["id"], whole["reason"], whole["state"]) == (1, "not_utf8", "open")
    assert whole["body"] == '{"id": "\\xff"}'
    names = {name for name, _ in whole["headers"]}
    assert names
    assert not names & {"x-api-signature"}


async def test_one_whose_body_is_purged_is_shown_without_it() -> None:
    """What is known of it stays."""
    way = await filled()
    await way.inbox.purge([2])
    whole = quarantined_whole(context_of(way), EntryId("inbox", 2))
    assert whole["reason"] == "not_json"
    assert not whole.keys() & {"body", "headers"}


async def test_one_that_is_not_in_quarantine_is_an_error() -> None:
    """Though there is such a callback."""
    way = await filled()
    await way.events("0xpay-main", [exchange("fine")])
    for number in (4, 99):
        with pytest.raises(ReceiverError, match=f"callback {number} is not in quarantine"):
            quarantined_whole(context_of(way), EntryId("inbox", number))


async def test_an_answers_id_is_its_requests() -> None:
    """As people type it."""
    (standing,) = quarantined(context_of(await filled()), ALL, [EntryId("requests", 1)])
    assert row(standing)["id"] == "poll-1"


def grown(context: Context) -> Context:
    """With a newer release's table: one word more."""
    provider, source = context.sources["swaps"]
    kind = onchainpay.LIFECYCLES["auto-swap"]
    more = replace(kind, statuses={**kind.statuses, "REFUNDED": kind.statuses["PENDING"]})
    kinds = {**onchainpay.LIFECYCLES, "auto-swap": more}
    sources = {**context.sources, "swaps": (replace(provider, kinds=kinds), source)}
    return replace(context, open_sources=lambda: sources)


async def test_a_preview_says_what_each_would_become_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event with its place, a duplicate, or still a reason."""
    way = Way()
    await way.events("swaps", [swap("REFUNDED"), swap("REFUNDED"), b"junk"])
    context = grown(context_of(way))
    monkeypatch.setattr(onchainpay, "LIFECYCLES", context.sources["swaps"][0].kinds)
    before = list(way.outbox.records), dict(way.outbox.standings)
    first, second, third = preview(context, [EntryId("inbox", number) for number in (1, 2, 3)])
    assert first == {
        "id": 1, "source": "swaps", "becomes": "event", "operation": SWAPS["PENDING"]["id"], "status": "pending",
        "sequence": 1, "effective": True, "anomalies": [],
    }  # fmt: skip
    assert second == {"id": 2, "source": "swaps", "becomes": "duplicate"}
    assert third == {
        "id": 3, "source": "swaps", "becomes": "still quarantined", "reason": "not_json", "detail": "$",
    }  # fmt: skip
    assert (way.outbox.records, way.outbox.standings) == before
