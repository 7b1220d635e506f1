"""The stores that interpreting needs, opened together, and an entry whichever of them holds it."""

from __future__ import annotations

import pytest

from receiver.journal.entries import Stores, find_entry, open_stores
from receiver.journal.memory.journal import MemoryJournal
from receiver.model.callback import EntryId, JournalEntry, VerifiedCallback

CALLBACK = VerifiedCallback("main", 5, ((b"a", b"b"),), b"{}")


@pytest.fixture
async def journal() -> MemoryJournal:
    """Two callbacks, and two requests of which the second is an answer."""
    journal = MemoryJournal()
    for _ in range(2):
        await journal.inbox().append(CALLBACK)
    journal.requests().add("redrive", 6, {"callbacks": [1]})
    journal.requests().add("poll", 7, {"source": "main", "body": '{"é": 1}', "after": 2, "operation": "a"})
    return journal


def test_a_callback_is_found_by_its_number(journal: MemoryJournal) -> None:
    """As it was received."""
    with open_stores(journal) as stores:
        assert stores.entry(EntryId("inbox", 2)) == JournalEntry(2, CALLBACK)


def test_an_answer_is_found_by_the_number_of_its_request(journal: MemoryJournal) -> None:
    """In the place of a callback that is as new as the newest one then."""
    answer = VerifiedCallback("main", 7, (), '{"é": 1}'.encode())
    with open_stores(journal) as stores:
        found = stores.entry(EntryId("requests", 2))
    assert found == JournalEntry(2, answer, "requests", 2)
    assert (found.id, found.arrival) == (EntryId("requests", 2), 2)


@pytest.mark.parametrize("text", ["3", "0", "poll-1", "poll-3", "poll-0"])
def test_what_is_no_entry_is_not_found(journal: MemoryJournal, text: str) -> None:
    """Neither a number that was not given, nor the request of a person, nor the request after it."""
    assert find_entry(journal.inbox(), journal.requests(), EntryId.parse(text)) is None


async def test_what_was_purged_is_not_found(journal: MemoryJournal) -> None:
    """Not even where an answer with a higher number is there."""
    await journal.inbox().purge([1])
    journal.requests().add("poll", 8, {"source": "main", "body": "{}", "after": 2})
    journal.requests().purge([2])
    with open_stores(journal) as stores:
        assert stores.entry(EntryId("inbox", 1)) is None
        assert stores.entry(EntryId("requests", 2)) is None


class Counted(MemoryJournal):
    """Counts what is given back, and by which wish the outbox was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = 0
        self.wishes: list[bool] = []
        for store in (super().outbox(), super().requests(), super().inbox()):
            store.close = self.count  # type: ignore[method-assign]

    def count(self) -> None:
        """One more."""
        self.closed += 1

    def outbox(self, *, write: bool = False):  # type: ignore[no-untyped-def]  # noqa: ANN201
        """Note the wish."""
        self.wishes.append(write)
        return super().outbox(write=write)


def test_all_three_are_given_back() -> None:
    """Whatever happens meanwhile, and once each; only the outbox may be written."""
    journal = Counted()
    with pytest.raises(ValueError, match="a test"), open_stores(journal, write=True):
        raise ValueError("a test")
    assert (journal.closed, journal.wishes) == (3, [True])
    Stores(journal.inbox(), journal.requests(), journal.outbox()).close()
    assert (journal.closed, journal.wishes) == (6, [True, False])
