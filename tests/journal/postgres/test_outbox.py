"""Whose commit counts: the slot's epoch, whatever a former holder believes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from receiver.journal.postgres.address import Address
from receiver.journal.postgres.outbox import PostgresOutbox
from receiver.journal.postgres.slots import PostgresSlots
from receiver.journal.slots import first_record
from receiver.model.errors import Fenced
from receiver.model.records import Position
from tests.contract.journal.samples import batch, event


def test_who_lost_the_slot_is_fenced(address: Address) -> None:
    """Nothing of its commits is kept, also where it stands where it believes; the successor goes on."""
    with closing(PostgresSlots(address)) as slots:
        former = slots.take("one", 0, [])
        latter = slots.take("two", 0, [])
    assert former is not None
    assert latter is not None
    assert latter.epoch == former.epoch + 1
    with closing(PostgresOutbox(address, held=former)) as old, closing(PostgresOutbox(address, held=latter)) as new:
        new.commit(batch([event(1)], follows=(0, 0)))
        for write in (
            lambda: old.commit(batch([event(2)], follows=(1, 1))),
            lambda: old.replace(event(1)),
            lambda: old.remember("cluster", Position(1, "id-1")),
            lambda: old.purge("9", "9", 10),
        ):
            with pytest.raises(Fenced):
                write()
        new.commit(batch([event(2)], follows=(1, 1)))
        assert [record.number for record in new.read(0, 10)] == [1, 2]
        assert new.latest_remembered() is None


def test_threads_that_use_one_handle_take_turns(address: Address) -> None:
    """A process looks at its outbox while it says how it stands; a commit is not torn by who reads meanwhile."""
    with closing(PostgresSlots(address)) as slots:
        held = slots.take("me", 5, [])
    with closing(PostgresOutbox(address, held=held)) as outbox, ThreadPoolExecutor(4) as threads:
        readers = [threads.submit(lambda: [outbox.last_number() for _ in range(100)]) for _ in range(3)]
        for number in range(20):
            outbox.commit(batch([event(number + 1)], follows=(number, number)))
        assert all(list(reader.result()) == sorted(reader.result()) for reader in readers)
        assert outbox.last_number() == 20


def test_each_slot_counts_its_own_records(address: Address) -> None:
    """Dense within it, unique over all; whoever has no slot reads all of them."""
    from receiver.journal.postgres.schema import init  # noqa: PLC0415  beside what it is for

    init(address, slots=2)
    with closing(PostgresSlots(address)) as slots:
        one, two = slots.take("me", 5, []), slots.take("me", 5, [0])
    assert one is not None
    assert two is not None
    base = first_record(1)
    with closing(PostgresOutbox(address, held=one)) as first, closing(PostgresOutbox(address, held=two)) as second:
        assert (first.last_number(), second.last_number()) == (0, base)
        first.commit(batch([event(1, "a")]))
        second.commit(batch([event(base + 1, "b", callback=7)]))
        assert [record.number for record in first.read(0, 9)] == [1]
        assert [record.number for record in second.read(0, 9)] == [base + 1]
        assert (first.last_number(), second.last_number()) == (1, base + 1)
    with closing(PostgresOutbox(address)) as merged:
        assert [record.number for record in merged.read(0, 9)] == [1, base + 1]
        assert merged.last_number() == base + 1
