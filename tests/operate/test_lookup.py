"""An operation is found by whatever a person has of it, and where it is not, it is said how far was looked."""

from __future__ import annotations

import json
from contextlib import closing
from typing import cast

import pytest

from receiver.journal.index import Found
from receiver.journal.search import Search
from receiver.model.errors import ReceiverError
from receiver.operate import lookup
from receiver.operate.lookup import (
    SeveralOperations,
    UnknownOperation,
    mentioned,
    mentioned_in_index,
    operations_in_index,
    operations_with_id,
)
from tests.operate.desk import SWAPS, exchange
from tests.support import Way

pytestmark = pytest.mark.usefixtures("unhurried")


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
    return mentioned(way.clock, way.outbox, way.journal.search(), told(way, text), text).rpartition(":")[2]


def told(way: Way, text: str) -> Found:
    """What the index tells of it."""
    with closing(way.journal.index()) as index:
        return index.find(text)


@pytest.fixture(params=[False, True], ids=["looked through", "indexed"])
def indexed(request: pytest.FixtureRequest) -> bool:
    """Whether there is an index: what is found is the same."""
    return bool(request.param)


def make_index(way: Way) -> None:
    """Index all there is."""
    with closing(way.journal.index_writer(bytes)) as writer:
        while writer.step():
            pass


async def test_by_event_id_beginning_and_what_an_event_says(*, indexed: bool) -> None:
    """The whole of a value; the beginning or end of one finds nothing but in an index."""
    way = await filled()
    if indexed:
        make_index(way)
    for record in way.outbox.read(0, 10):
        if record.record_type == "event":
            assert found(way, record.record_id) == record.operation_id
    assert found(way, "91aaa5e1-o") == "91aaa5e1-one"
    assert found(way, "order-1") == "91aaa5e1-one"
    for nothing in ("rder", "91aaa5e1-x", "91a", "x\x00", ""):
        with pytest.raises(ReceiverError, match="nothing is known of an operation"):
            found(way, nothing)


async def test_an_index_finds_parts_of_values_too() -> None:
    """As explorers of chains abbreviate them; an index that is not far enough is not asked."""
    way = await filled()
    for text in ("order", "rder-1", "-one"):
        with pytest.raises(ReceiverError, match="nothing is known of an operation"):
            found(way, text)
    make_index(way)
    assert found(way, "rder-1") == found(way, "-one") == "91aaa5e1-one"
    with pytest.raises(ReceiverError, match=r"order stands for several operations: .*91aaa5e1-.*91aaa5e1-"):
        found(way, "order")
    await way.events("0xpay-main", [exchange("third", localId="order-3")])
    with pytest.raises(ReceiverError, match="nothing is known of an operation"):
        found(way, "rder-1")


async def test_what_stands_for_several_names_them(monkeypatch: pytest.MonkeyPatch, *, indexed: bool) -> None:
    """By a beginning or a value; over many steps."""
    monkeypatch.setattr(lookup, "STEP", 1)
    way = await filled()
    if indexed:
        make_index(way)
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


async def test_an_id_is_found_by_the_index_and_else_among_all() -> None:
    """All operations are read only where no index that is whole knows it; another's id that begins alike is none."""
    way = Way()
    await way.events("0xpay-main", [exchange("one"), exchange("one-more"), exchange("One")])
    search, read = way.journal.search(), list[str]()

    class Counted:
        """The same search, which notes when all are read."""

        operations_by_key = staticmethod(search.operations_by_key)

        @staticmethod
        def operations_by_id(operation_id: str) -> object:
            read.append(operation_id)
            return search.operations_by_id(operation_id)

    def ids(text: str) -> list[str]:
        found = operations_with_id(told(way, text), cast("Search", Counted), text)
        return [one.key.rpartition(":")[2] for one in found]

    assert (ids("one"), read) == (["one"], ["one"])
    with closing(way.journal.index_writer(lambda body: body)) as writer:
        while writer.step():
            pass
    assert (ids("one"), ids("One"), read) == (["one"], ["One"], ["one"])
    assert (ids("nobody"), read) == ([], ["one", "nobody"])


async def test_a_page_goes_by_the_index_and_the_newest_records_alone(*, indexed: bool) -> None:
    """What neither knows is unknown at once; what stands for several names them."""
    way = await filled()
    if indexed:
        make_index(way)
    search = way.journal.search()
    (one,) = operations_in_index(told(way, "91aaa5e1-one"), search, "91aaa5e1-one")
    assert one.key.endswith(":91aaa5e1-one")
    assert operations_in_index(told(way, "91aaa5e1"), search, "91aaa5e1") == ()
    assert mentioned_in_index(told(way, "order-1"), "order-1").endswith(":91aaa5e1-one")
    with pytest.raises(UnknownOperation, match="nothing is known of an operation nobody"):
        mentioned_in_index(told(way, "nobody"), "nobody")
    with pytest.raises(SeveralOperations, match="91aaa5e1- stands for several operations") as several:
        mentioned_in_index(told(way, "91aaa5e1-"), "91aaa5e1-")
    assert sorted(key.rpartition(":")[2] for key in several.value.keys) == ["91aaa5e1-one", "91aaa5e1-two"]
