"""Every question ends in time and says that it did not come to an end, whatever it would have had to look at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from receiver.journal.engines import hold_journal
from receiver.journal.finder import Finder
from receiver.journal.handle import Journal
from receiver.journal.index import BYTES_MAX, PAGE, Wanted
from receiver.journal.memory.journal import MemoryJournal
from receiver.journal.postings import Budget, Range
from receiver.journal.sqlite.index_postings import PARTS_MAX, SqlitePostings
from receiver.journal.terms import facet, fold
from receiver.model.records import QuarantineFilter
from tests.contract.journal.index_samples import find, make, names, numbers, told, unread
from tests.contract.journal.samples import batch, key

NO_TIME_MS = -1.0
MANY = 300


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """Some hundred events, every tenth callback unread, all of it indexed."""
    with hold_journal(f"sqlite:{tmp_path}") as (journal, _):
        records = [
            unread(n) if n % 10 == 0 else told(n, f"common-{n:04d}", reference="same") for n in range(1, MANY + 1)
        ]
        with closing(journal.outbox(write=True)) as outbox:
            outbox.commit(batch(records))
        make(journal)
        yield journal


@pytest.fixture
def postings(journal: Journal, tmp_path: Path) -> Iterator[SqlitePostings]:
    """What SQLite keeps of it."""
    with closing(SqlitePostings(tmp_path, journal.journal_id)) as postings:
        assert postings.indexed_to() == MANY
        yield postings


def test_sqlite_is_interrupted(postings: SqlitePostings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of its statements that may be long."""
    every = Range(0, MANY)
    word, words = fold("same"), [facet("outcome", "event")]
    assert postings.with_word(word, every, MANY, NO_TIME_MS, part=False).cut_off
    assert postings.with_word(fold("common"), every, MANY, NO_TIME_MS, part=True).cut_off
    assert postings.with_all(words, every, MANY, NO_TIME_MS).cut_off
    monkeypatch.setattr("receiver.journal.sqlite.index_postings.BUDGET_STEPS", 1)
    assert postings.counts(0, 2**60, NO_TIME_MS, days=True) == ([], True)
    assert postings.groups(QuarantineFilter(), NO_TIME_MS) == ([], True)
    assert [one.count for one in postings.groups(QuarantineFilter(), 10_000)[0]] == [MANY // 10]
    assert not postings.with_all(words, every, MANY, 10_000).cut_off


@pytest.mark.usefixtures("unhurried")
def test_a_beginning_that_all_have_is_cut_off(journal: Journal, postings: SqlitePostings) -> None:
    """Of so many words as one question may have; what it gives is right."""
    found = postings.with_word(fold("common"), Range(0, MANY), MANY, 10_000, part=True)
    assert found.cut_off
    assert 0 < len(found.numbers) <= PARTS_MAX
    hits = find(journal, "common")
    assert hits.cut_off
    assert {hit.by for hit in hits.operations} == {"part"}
    assert names(find(journal, "common-0001"))["operations"] == [key("common-0001")]


def test_a_stretch_goes_on_where_the_one_before_ended(
    journal: Journal, postings: SqlitePostings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From both ends, and nothing twice."""
    monkeypatch.setattr("receiver.journal.sqlite.index_postings.STRETCH", 7)
    words = [facet("outcome", "quarantine")]
    expected = list(range(10, MANY + 1, 10))
    assert postings.with_all(words, Range(0, MANY), MANY, 10_000).numbers == expected[::-1]
    assert postings.with_all(words, Range(0, MANY, descending=False), MANY, 10_000).numbers == expected
    assert postings.with_all(words, Range(15, 45), MANY, 10_000).numbers == [40, 30, 20]
    assert postings.with_all(words, Range(0, MANY), 2, 10_000).numbers == expected[:-3:-1]


def test_the_clock_ends_what_is_looked_through() -> None:
    """Here it goes on by a tenth of a second at each look; the first record is always looked at."""
    journal = MemoryJournal()
    with closing(journal.outbox(write=True)) as outbox:
        outbox.commit(batch([told(n, f"o{n}") for n in range(1, 10)]))
    with closing(Finder(journal, monotonic_s=(at / 10 for at in count()).__next__)) as finder:
        found = finder.find("o1")
        assert (names(found), found.cut_off) == ({}, True)
        page = finder.events(Wanted(status="completed"))
        assert 0 < len(page.records) < 9
        assert (page.cut_off, page.older) == (True, page.records[-1].number)
        assert finder.quarantine_groups(QuarantineFilter()).groups == []


def test_what_was_purged_is_passed_over_at_once() -> None:
    """Few records at the end of very many numbers."""
    journal = MemoryJournal()
    with closing(journal.outbox(write=True)) as outbox:
        outbox.commit(batch([told(10**9, "a"), told(10**9 + 700, "b", status="failed")]))
    with closing(Finder(journal, monotonic_s=lambda: 0.0)) as finder:
        assert names(finder.find("a"))["operations"] == [key("a")]
        for page in ({}, {"after": 0}):
            found = finder.events(Wanted(status="completed"), **page)
            assert (numbers(found), found.cut_off) == ([10**9], False)


def test_a_budget_counts_bytes_but_never_refuses_the_first() -> None:
    """A value larger than all that may be read is shown alone."""
    half = b'"%s"' % (b"x" * (BYTES_MAX // 2))
    large = b'"%s"' % (b"x" * BYTES_MAX)
    for values, taken in (([half, half, half], [True, False, False]), ([large, b"{}"], [True, False])):
        budget = Budget(lambda: 0.0)
        records = [replace(told(n), value=value) for n, value in enumerate(values, start=1)]
        assert [budget.take(record) for record in records] == taken
        assert (budget.cut_off, budget.last_seen) == (True, 1)


@pytest.mark.usefixtures("unhurried")
def test_what_is_found_by_the_index_is_found_though_it_is_far_behind(journal: Journal) -> None:
    """More new records than may be looked at: said, and the index is asked all the same."""
    with closing(journal.outbox(write=True)) as outbox:
        outbox.commit(batch([told(n, f"new-{n}") for n in range(MANY + 1, MANY + 602)]))
    found = find(journal, "common-0001")
    assert (names(found)["operations"], found.cut_off) == ([key("common-0001")], True)
    with closing(journal.index()) as index:
        page = index.events(Wanted(outcome="quarantine"))
        assert (numbers(page), page.cut_off) == ([], True)
        page = index.events(Wanted(outcome="quarantine"), before=page.older)
        assert (numbers(page), page.cut_off) == (list(range(MANY, 0, -10))[:PAGE], False)


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("text", ["\udcff", "x" * 100_000, "\x00\n", "%s", "Ж" * 40, "🙂🙂🙂🙂"])
def test_whatever_is_typed_is_answered(journal: Journal, text: str) -> None:
    """With nothing, and without an error."""
    assert names(find(journal, text)) == {}
