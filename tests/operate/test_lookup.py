"""An operation is found by whatever a person has of it, and where it is not, it is said how far was looked."""

from __future__ import annotations

import json

import pytest

from receiver.model.errors import ReceiverError
from receiver.operate import lookup
from receiver.operate.lookup import mentioned
from tests.operate.desk import SWAPS, exchange
from tests.support import Way


async def filled() -> Way:
    """Two exchanges, one with two statuses, and a swap."""
    way = Way()
    for source, body in (
        ("0xpay-main", exchange("91aaa5e1-one", status="Pending")),
        ("0xpay-main", exchange("91aaa5e1-two", localId="order-2")),
        ("0xpay-main", exchange("91aaa5e1-one", localId="order-1")),
        ("0xpay-main", b"junk"),
        ("swaps", json.dumps(SWAPS["PROCESSED"]).encode()),
    ):
        await way.events(source, [body])
    return way


def found(way: Way, text: str) -> str:
    """The id of what is found."""
    return mentioned(way.clock, way.outbox, way.journal.search(), text).rpartition(":")[2]


async def test_by_event_id_beginning_and_what_an_event_says() -> None:
    """The whole of a value, and never a part of it."""
    way = await filled()
    for record in way.outbox.read(0, 10):
        if record.record_type == "event":
            assert found(way, record.record_id) == record.operation_id
    assert found(way, "91aaa5e1-o") == "91aaa5e1-one"
    assert found(way, "order-1") == "91aaa5e1-one"
    for nothing in ("order", "91aaa5e1-x", "91a", "x\x00", ""):
        with pytest.raises(ReceiverError, match="nothing is known of an operation"):
            found(way, nothing)


async def test_what_stands_for_several_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a beginning or a value; over many steps."""
    monkeypatch.setattr(lookup, "STEP", 1)
    way = await filled()
    for text in ("91aaa5e1", "completed"):
        with pytest.raises(ReceiverError, match=r"stands for several operations: .*91aaa5e1-.*91aaa5e1-"):
            found(way, text)


async def test_it_is_said_how_far_was_looked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found by then is given."""
    monkeypatch.setattr(lookup, "STEP", 2)
    monkeypatch.setattr(lookup, "SCAN_S", -1.0)
    way = await filled()
    with pytest.raises(ReceiverError, match="among the newest 2 records, and older ones were not read after"):
        found(way, "order-2")
