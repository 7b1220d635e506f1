"""Which events today's code would say otherwise, and in what."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from receiver.operate.reprocess import reprocess_preview
from receiver.operate.selection import Filter
from receiver.providers.contract import Source
from receiver.providers.zeroxpay import callbacks as zeroxpay
from tests.operate.desk import context_of, exchange
from tests.support import Way, oxpay_source


def otherwise(payload: Any, source: Source) -> Any:
    """Today's release reads one fact of one exchange in another way."""
    facts = zeroxpay.normalise(payload, source)
    return replace(facts, meta="read otherwise") if payload.body.id == "one" else facts


async def test_only_what_differs_is_given_with_both_readings() -> None:
    """Repetitions and what nobody could read are passed over; nothing is changed."""
    way = Way()
    await way.events("0xpay-main", [exchange("one"), exchange("two"), exchange("one"), b"junk"])
    sources = {"0xpay-main": (replace(zeroxpay.PROVIDER, normalise=otherwise), oxpay_source())}
    context = replace(context_of(way), open_sources=lambda: sources)
    before = list(way.outbox.records)
    ((number, event, differences),) = reprocess_preview(context, Filter())
    assert (number, event["operation_id"], event["sequence"]) == (1, "one", 1)
    assert differences == {"meta": ("order-10482", "read otherwise")}
    assert list(reprocess_preview(context, Filter(operation="two"))) == []
    assert list(reprocess_preview(context_of(way), Filter())) == []
    assert way.outbox.records == before
