"""Finding by the index, over all engines: what a person has leads to what is meant, and nothing that is gone is shown.

Each question gives the same with an index as without one, where the journal is small enough to be looked through.
"""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import replace

import orjson
import pytest

from receiver.journal.erasing import Erased, Erasure
from receiver.journal.handle import Journal
from receiver.journal.index import HITS_MAX
from receiver.journal.ports import InboxLimits, Outbox
from receiver.model.callback import EntryId, RawCallback
from receiver.model.records import Position
from tests.contract.journal.conftest import Made
from tests.contract.journal.index_samples import (
    ADDRESS,
    CARD,
    HASH,
    find,
    make,
    masked,
    names,
    payment,
    told,
    unread,
)
from tests.contract.journal.samples import START_US, batch, callback, event, key, standing

pytestmark = pytest.mark.usefixtures("unhurried")

OPERATION = key("Op-4711-Xyz")


@pytest.fixture(params=["indexed", "looked through"])
def indexed(request: pytest.FixtureRequest) -> bool:
    """Whether there is an index by the time that something is asked."""
    return bool(request.param == "indexed")


def readable(journal: Journal) -> bool:
    """Whether parts can be found: a sealed index has whole values only."""
    with closing(journal.index()) as index:
        return not index.indexed().exact_only


WHOLE = {
    "Op-4711-Xyz": "operation",
    "op-4711-xyz": "operation",
    OPERATION: "operation",
    " id-1 ": "event_id",
    "order 77": "reference",
    HASH: "transaction_hash",
    HASH.lower(): "transaction_hash",
    ADDRESS: "address",
}
PARTS = ("op-4", "-xyz", "orde", "r 77", "0xabcdef", "456789", "bc1qar", "f5mdq")
NOTHING = ("op-", "xyz", "4711-", "nothing", "", " ", '"', "* OR a", "op-4*", "\x00", "\ue001outcome=event")
CARDS = ("411111******1111", "4111 1111 1111 1111", "4111-1111-1111-1111", "411111** ****1111")


def test_a_value_leads_to_its_operation(journal: Journal, outbox: Outbox, *, indexed: bool) -> None:
    """In letters of either case, with spaces around it; by how it begins or ends too, as explorers abbreviate.

    A sealed index says that it cannot find parts. What is too short or of the middle finds nothing, and nothing that a
    person types is taken for a command.
    """
    outbox.commit(batch([payment(), told(2, "other", reference="order 78")]))
    if indexed:
        make(journal)
    for text, by in WHOLE.items():
        found = find(journal, text)
        assert [(hit.name, hit.by, hit.record) for hit in found.operations] == [(OPERATION, by, 1)], text
        assert (found.only, found.cut_off) == (found.operations[0], False)
        assert (found.indexed.there, found.indexed.to) == (indexed, 2 if indexed else 0)
    parts = readable(journal) or not indexed
    for text in PARTS:
        found = find(journal, text)
        assert OPERATION in names(found).get("operations", []) or not parts, text
        assert {hit.by for hit in found.operations} == ({"part"} if parts else set()), text
        assert found.indexed.exact_only is not readable(journal)
    for text in NOTHING:
        assert names(find(journal, text)) == {}, text


def test_a_card_is_found_by_its_mask(journal: Journal, outbox: Outbox, *, indexed: bool) -> None:
    """A whole number that a customer gives is masked; an id that looks like one is found as it is."""
    looks_like_one = "5500005555555559"
    records = [
        told(1, payout={"destination": CARD}),
        told(2, looks_like_one, payout={"destination": "5" + CARD[1:]}),
    ]
    outbox.commit(batch(records))
    if indexed:
        make(journal)
    for text in CARDS:
        assert [(hit.name, hit.by) for hit in find(journal, text).operations] == [(key("a"), "card")], text
    assert [hit.name for hit in find(journal, looks_like_one).operations] == [key(looks_like_one)]


def test_several_operations_of_one_value_come_newest_first(journal: Journal, outbox: Outbox, *, indexed: bool) -> None:
    """Each once, with its newest event; and there is no page that is meant."""
    records = [
        told(n, "ab"[n % 2], transaction_hash=HASH, status="failed" if n == 4 else "completed") for n in (1, 2, 3, 4)
    ]
    outbox.commit(batch(records))
    if indexed:
        make(journal)
    found = find(journal, HASH)
    assert [(hit.name, hit.record, hit.status) for hit in found.operations] == [
        (key("a"), 4, "failed"),
        (key("b"), 3, "completed"),
    ]
    assert [hit.name for hit in found.events] == ["id-4", "id-3", "id-2", "id-1"]
    assert found.only is None


def test_more_than_can_be_shown_is_cut_off_aloud(journal: Journal, outbox: Outbox, *, indexed: bool) -> None:
    """The newest are shown."""
    count = HITS_MAX + 1
    outbox.commit(batch([told(n, f"o{n}", reference="same") for n in range(1, count + 1)]))
    if indexed:
        make(journal)
    found = find(journal, "same")
    assert (len(found.operations), found.operations[0].record, found.cut_off) == (HITS_MAX, count, True)


async def test_a_number_finds_all_that_has_it(made: Made, *, indexed: bool) -> None:
    """A callback with its operation, an answer, a standing, an event, a refused callback."""
    inbox = made.journal.inbox_writer(InboxLimits())
    first_number, second_number = await inbox.append(callback(1)), await inbox.append(callback(2))
    await asyncio.to_thread(inbox.close)
    with closing(made.journal.outbox(write=True)) as outbox:
        second = unread(2, record_id=str(second_number), callback=second_number)
        outbox.commit(batch([event(1, callback=first_number), second]))
    with closing(made.journal.rejects(write=True)) as rejects:
        rejects.add(RawCallback("main", START_US, (), b"refused"), "signature", 9)
    with closing(made.journal.requests(write=True)) as requests:
        requests.add("poll", START_US, {"source": "main", "operation": "a", "body": "{}", "after": 2})
    if indexed:
        make(made.journal)
    first = find(made.journal, str(first_number))
    of_one = {"events": ["id-1"], "rejects": ["1"]}  # where numbers have gaps, the callback has another one
    expected = {**of_one, "callbacks": ["1"]} if made.dense else {"callbacks": [str(first_number)]}
    assert names(first) == expected
    assert first.callbacks[0].operation == key("a")
    assert made.dense or names(find(made.journal, "1")) == of_one
    name = str(second_number)
    assert names(find(made.journal, name)) == {"callbacks": [name], "quarantine": [name]}
    assert names(find(made.journal, "poll-1")) == {"callbacks": ["poll-1"]}
    assert names(find(made.journal, "poll-2")) == {}
    assert names(find(made.journal, "9" * 30)) == {}
    assert names(find(made.journal, "refused")) == {"rejects": ["1"]}


async def test_a_callback_that_nobody_could_read_is_found_by_its_values(made: Made, *, indexed: bool) -> None:
    """Texts and numbers of its body, cards by their mask; so an operation is found that has no event."""
    body = orjson.dumps({"id": "Op-9999", "deep": [{"amount": 31.25, "to": "4111111111111111"}], "note": "two words"})
    inbox = made.journal.inbox_writer(InboxLimits())
    number = await inbox.append(callback(1, body))
    await asyncio.to_thread(inbox.close)
    with closing(made.journal.outbox(write=True)) as outbox:
        outbox.commit(batch([unread(1, "unknown_status", "status", record_id=str(number), callback=number)]))
    if indexed:
        make(made.journal)
    for text in ("op-9999", "31.25", "4111111111111111"):
        found = find(made.journal, text)
        assert [(hit.name, hit.by, hit.status) for hit in found.quarantine] == [(str(number), "body", "open")], text
        assert found.only == found.quarantine[0]
    with closing(made.journal.outbox(write=True)) as outbox:
        outbox.commit(batch([], quarantined=[standing(EntryId("inbox", number), None, state="closed")]))
    assert [hit.status for hit in find(made.journal, "op-9999").quarantine] == ["closed"]


def test_what_is_not_indexed_yet_is_found_all_the_same(journal: Journal, outbox: Outbox) -> None:
    """The newest records are looked through; the answer says how far the index is."""
    outbox.commit(batch([told(1, "first")]))
    make(journal)
    outbox.commit(batch([told(2, "second")]))
    found = find(journal, "second")
    assert (names(found)["operations"], found.indexed.to, found.indexed.of) == ([key("second")], 1, 2)
    assert not found.indexed.whole
    make(journal)
    assert find(journal, "second").indexed.whole


def test_a_record_that_kafka_refused_is_shown_as_what_it_is_now(journal: Journal, outbox: Outbox) -> None:
    """The index still has the words of the event, and none of them is in the record any more."""
    outbox.commit(batch([payment()]))
    make(journal)
    outbox.replace(unread(1))
    assert names(find(journal, "order 77")) == {}


def test_purged_records_leave_the_index(journal: Journal, outbox: Outbox) -> None:
    """Nobody finds them any more, from the moment on when they are gone; and then their words go."""
    outbox.commit(batch([payment(), told(2, "b", day=40)]))
    make(journal)
    outbox.remember("c", Position(2, "id-2"))
    assert outbox.purge("2024-06-20T00:00:00Z", None, 9) == 1
    assert names(find(journal, "order 77")) == {}
    with closing(journal.index_writer(masked)) as writer:
        assert not writer.tidy(START_US)
        assert not writer.step()
    assert names(find(journal, HASH)) == {}
    assert names(find(journal, "id-2"))["events"] == ["id-2"]


def test_an_outbox_that_was_mended_is_indexed_anew(journal: Journal, outbox: Outbox) -> None:
    """What a person took back is not found, and what took its place is."""
    outbox.commit(batch([told(1, "kept"), told(2, "gone")]))
    make(journal)
    with closing(journal.take_over()) as mending:
        mending.take_over(
            1, [told(2, "other", record_id="id-other")], key_of=lambda one: key(one.operation_id),
            fold=lambda _: outbox.operations([key("kept")])[key("kept")].state, entry_at=lambda _: None,
        )  # fmt: skip
    make(journal)
    assert names(find(journal, "gone")).get("events") is None
    for name in ("kept", "other"):
        assert names(find(journal, name))["operations"] == [key(name)]


async def test_erasing_reaches_the_index(made: Made) -> None:
    """Whether it knew the record by then or not; another operation is found as before."""
    for known in (2, 0):
        with closing(made.journal.outbox(write=True)) as outbox:
            number = outbox.last_number()
            if not known:
                make(made.journal)
            outbox.commit(
                batch(
                    [replace(payment(number + 1), record_id=f"e{known}"), told(number + 2, "b", reference=f"b{known}")]
                )
            )
        if known:
            make(made.journal)
        emptied = event(number + 1, "Op-4711-Xyz", record_id=f"e{known}", value=b"{}", publish=False)
        what = Erasure(OPERATION, records=(emptied,))
        made.journal.erase(what, Erased(what.operation, START_US, "a test", "asked to", what.what()))
        make(made.journal)
        for text in ("order 77", HASH, ADDRESS):
            assert names(find(made.journal, text)) == {}, text
        assert names(find(made.journal, f"b{known}"))["operations"] == [key("b")]
