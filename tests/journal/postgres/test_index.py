"""Finding things in a database: no index is kept, so that records are looked through, slot by slot."""

from __future__ import annotations

from contextlib import closing

import pytest

from receiver.console.following import Following
from receiver.journal.index import Wanted
from receiver.journal.postgres.address import Address
from receiver.journal.postgres.journal import find_journal
from receiver.journal.postgres.outbox import PostgresOutbox
from receiver.journal.postgres.schema import init
from receiver.journal.postgres.slots import PostgresSlots
from receiver.journal.slots import first_record
from receiver.model.records import OutboxRecord
from tests.contract.journal.index_samples import find, listed, make, masked, names, numbers, payment, told
from tests.contract.journal.samples import batch

pytestmark = pytest.mark.usefixtures("unhurried")


def test_records_of_all_slots_are_found_across_the_gaps_between_their_numbers(address: Address) -> None:
    """The middle one of three slots has none; a page ends in one slot and the next one goes on in the other."""
    init(address, slots=3)
    with closing(PostgresSlots(address)) as slots:
        held = [slots.take("me", 5, list(range(slot))) for slot in range(3)]
    base = first_record(2)
    for slot, records in ((0, [payment(1), told(2, "b"), told(3, "c")]), (2, [told(base + 1, "d")])):
        with closing(PostgresOutbox(address, held=held[slot])) as outbox:
            outbox.commit(batch(records))
    journal = find_journal(address)
    newest = listed(journal, limit=2)
    assert numbers(newest) == [base + 1, 3]
    assert numbers(listed(journal, before=newest.older)) == [2, 1]
    assert numbers(listed(journal, after=2)) == [base + 1, 3]
    assert numbers(listed(journal, Wanted(operation_id="d"))) == [base + 1]
    assert names(find(journal, "order 77"))["events"] == ["id-1"]
    assert not newest.cut_off


def test_to_make_an_index_is_nothing_to_do(address: Address) -> None:
    """Whoever follows the outbox for it has nothing to follow, and a person is told."""
    journal = find_journal(address)
    with closing(journal.index_writer(masked)) as writer:
        assert not writer.step()
        assert not writer.tidy(0)
    make(journal)
    with closing(journal.index()) as index:
        assert not index.indexed().there


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
