"""Finding things in a database: by an index of all slots, made in the database itself; and where it was emptied."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from receiver.console.following import Following
from receiver.journal.index import Wanted
from receiver.journal.postgres import index_postings
from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.index_postings import PostgresPostings
from receiver.journal.postgres.journal import PostgresJournal, find_journal
from receiver.journal.postgres.outbox import PostgresOutbox
from receiver.journal.postgres.schema import init
from receiver.journal.postgres.slots import PostgresSlots
from receiver.journal.postings import Range
from receiver.journal.sealed import Keyring, read_key
from receiver.journal.slots import HeldSlot, first_record
from receiver.journal.terms import FORMAT
from receiver.model.records import OutboxRecord
from tests.contract.journal.index_samples import find, listed, make, masked, names, numbers, payment, told
from tests.contract.journal.samples import batch, key
from tests.postgres_cluster import new_journal

pytestmark = pytest.mark.usefixtures("unhurried")

KEYS = [bytes([at]).hex().encode() + bytes(range(1, 32)).hex().encode() for at in (1, 2)]
BASE = first_record(2)


@pytest.fixture
def address() -> Iterator[Address]:
    """Of a new journal with one slot; nothing here is about sessions."""
    with new_journal(keep_sessions=True) as (url, options):
        yield Address.of(url, options)


@pytest.fixture
def held(address: Address) -> list[HeldSlot]:
    """Three slots, of which the middle one has no records."""
    init(address, slots=3)
    with closing(PostgresSlots(address)) as slots:
        taken = [slots.take("me", 5, list(range(slot))) for slot in range(3)]
    found = [one for one in taken if one is not None]
    for slot, records in ((0, [payment(1), told(2, "b"), told(3, "c")]), (2, [told(BASE + 1, "d")])):
        with closing(PostgresOutbox(address, held=found[slot])) as outbox:
            outbox.commit(batch(records))
    return found


@pytest.fixture
def journal(address: Address, held: list[HeldSlot]) -> PostgresJournal:
    """All three."""
    assert len(held) == 3
    return find_journal(address)


@pytest.fixture
def database(address: Address) -> Iterator[Database]:
    """To look and to change by hand."""
    with closing(Database(address, "test")) as found:
        yield found


@pytest.mark.parametrize("way", ["indexed", "looked through", "half"])
def test_records_of_all_slots_are_found_across_the_gaps_between_their_numbers(
    address: Address, held: list[HeldSlot], journal: PostgresJournal, way: str
) -> None:
    """A page ends in one slot and the next one goes on in the other; also where each slot has news since."""
    if way != "looked through":
        make(journal)
    if way == "half":
        for slot, record in ((0, told(4, "e")), (2, told(BASE + 2, "d"))):
            with closing(PostgresOutbox(address, held=held[slot])) as outbox:
                outbox.commit(batch([record]))
    more = way == "half"
    all_numbers = [*([BASE + 2] if more else []), BASE + 1, *([4] if more else []), 3, 2, 1]
    newest = listed(journal, limit=2)
    assert numbers(newest) == all_numbers[:2]
    assert numbers(listed(journal, before=newest.older)) == all_numbers[2:]
    assert numbers(listed(journal, after=2)) == all_numbers[:-2]
    assert numbers(listed(journal, Wanted(operation_id="d"))) == [number for number in all_numbers if number > BASE]
    assert names(find(journal, "order 77"))["events"] == ["id-1"]
    assert names(find(journal, "d"))["operations"] == [key("d")]
    assert not newest.cut_off
    indexed = newest.indexed
    assert (indexed.there, indexed.to, indexed.of) == (
        way != "looked through",
        0 if way[0] == "l" else 4,
        len(all_numbers),
    )


def test_a_slot_that_is_added_later_is_indexed_too(address: Address, journal: PostgresJournal) -> None:
    """By who indexes already."""
    with closing(journal.index_writer(masked)) as writer:
        while writer.step():
            pass
        init(address, slots=4)
        with closing(PostgresSlots(address)) as slots:
            newest = slots.take("me", 5, [0, 1, 2])
        with closing(PostgresOutbox(address, held=newest)) as outbox:
            outbox.commit(batch([told(first_record(3) + 1, "later")]))
        assert not writer.step()
        with closing(journal.index()) as index:
            assert index.indexed().whole


def test_it_can_be_emptied_and_is_made_anew(journal: PostgresJournal, database: Database) -> None:
    """By who asks for it; and after a crash of the server, which leaves such tables empty. Nothing is counted twice."""
    make(journal)
    counted = _counted(journal)
    with closing(journal.index_writer(masked)) as writer:
        writer.clear()
        assert database.one("SELECT count(*) FROM search_terms") == 0
        with closing(journal.index()) as index:
            assert not index.indexed().there
        assert names(find(journal, "order 77"))["events"] == ["id-1"], "the newest are looked through"
        while writer.step():
            pass
    database.rows("SELECT clear_search()")
    make(journal)
    assert _counted(journal) == counted
    assert database.one("SELECT count(*) FROM pg_class WHERE relname LIKE 'search_%' AND relpersistence = 'p'") == 0


def _counted(journal: PostgresJournal) -> list[tuple[str, int]]:
    with closing(journal.index()) as index:
        return [(one.status, one.count) for one in index.days(0, 2**60).counts]


def test_another_format_or_key_is_none_and_is_made_anew(
    address: Address, journal: PostgresJournal, database: Database
) -> None:
    """With keys no word can be read, and none can be found by who has only another key."""
    make(journal)
    assert database.one("SELECT count(*) FROM search_terms WHERE term LIKE '%op-4711%'") > 0
    database.rows("UPDATE search_meta SET format = 99")
    with closing(journal.index()) as index:
        assert not index.indexed().there
    make(journal)
    assert database.one("SELECT format FROM search_meta") == FORMAT
    first, second = (replace(journal, ring=Keyring([read_key(one)])) for one in KEYS)
    make(first)
    assert database.one("SELECT count(*) FROM search_terms WHERE term LIKE '%op-4711%'") == 0
    assert database.one("SELECT count(*) FROM search_texts WHERE position('exchange'::bytea IN text) > 0") == 0
    assert names(find(first, "order 77"))["events"] == ["id-1"]
    with closing(second.index()) as index:
        assert not index.indexed().there
    with closing(PostgresPostings(address, journal.journal_id, second.ring)) as postings:
        assert postings.indexed_to() is None
        assert postings.exact_only


def test_an_index_from_before_amounts_were_among_its_words_is_made_anew(
    address: Address, held: list[HeldSlot], journal: PostgresJournal, database: Database
) -> None:
    """Nobody asks by an amount and is told that there is none."""
    with closing(PostgresOutbox(address, held=held[0])) as outbox:
        outbox.commit(batch([told(4, "e", payout={"amount": "41.50"})], follows=(3, 3)))
    make(journal)
    by_amount = Wanted(amount="41.50")
    assert numbers(listed(journal, by_amount)) == [4]
    database.rows("UPDATE search_meta SET format = 1")
    database.rows("DELETE FROM search_terms WHERE term LIKE '%amount%'")
    with closing(journal.index()) as index:
        assert not index.indexed().there
    assert numbers(listed(journal, by_amount)) == [4], "the newest are looked through"
    make(journal)
    assert database.one("SELECT count(*) FROM search_terms WHERE term LIKE '%amount%'") == 1


def test_what_the_time_does_not_reach_for_is_cut_off_where_it_can_go_on(
    address: Address, journal: PostgresJournal, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two words that many records have, and none both: the server ends it, and it is said how far it came."""
    make(journal)
    monkeypatch.setattr(index_postings, "STRETCH", 100)
    monkeypatch.setattr(index_postings, "STRETCH_MS", -1)
    both = "INSERT INTO search_terms SELECT $1, n FROM generate_series($2::bigint, $3::bigint) AS n"
    for word, first in (("even", 1000), ("odd", 2000)):
        database.rows(both, word, first, first + 999)
    with closing(PostgresPostings(address, journal.journal_id)) as postings:
        postings.indexed_to()
        whole = postings.with_all(["even", "odd"], Range(1, 3000), 10, 60_000)
        assert (list(whole.numbers), whole.cut_off) == ([], False)
        sleepy = (
            "SELECT 1 FROM pg_sleep(CASE WHEN $3::bigint < 2500 THEN 60 ELSE 0 END) AS slept WHERE slept::text = 'x' "
            "AND $1 <> '' AND cardinality($2::text[]) = 1 AND $4::bigint > $5::bigint"
        )
        monkeypatch.setattr(index_postings, "SQL", {**index_postings.SQL, "newest_with": sleepy})
        cut = postings.with_all(["even", "odd"], Range(1, 3000), 10, 1000)
    assert (list(cut.numbers), cut.cut_off, cut.looked_to) == ([], True, 2501)


def test_the_tail_follows_all_slots(address: Address) -> None:
    """What comes into the first one too, whose numbers are below those of the last; nothing is seen twice."""
    init(address, slots=3)
    with closing(PostgresSlots(address)) as slots:
        held = [slots.take("me", 5, list(range(slot))) for slot in range(3)]
    base = first_record(2)

    def put(slot: int, *records: OutboxRecord) -> None:
        with closing(PostgresOutbox(address, held=held[slot])) as outbox:
            outbox.commit(batch(list(records)))

    put(0, told(1, "a"))
    put(2, told(base + 1, "b"))
    with closing(Following(find_journal(address))) as following:
        assert following.look(10).records == []
        put(0, told(2, "c"), told(3, "d"))
        assert [one.number for one in following.look(10).records] == [2, 3]
        put(2, told(base + 2, "e"))
        put(0, told(4, "f"))
        assert {one.number for one in following.look(10).records} == {4, base + 2}
        assert following.look(10).records == []
