"""Who works on a journal, and which account is in which slot: one answer for engines with one slot and with several."""

from __future__ import annotations

from contextlib import closing

import pytest

from receiver.journal.handle import Journal
from receiver.model.callback import EntryId
from receiver.model.errors import JournalError
from tests.contract.journal.conftest import Made


def test_a_worker_is_counted_while_it_is_there(made: Made) -> None:
    """With a slot or without; who has left is not waited for."""
    with closing(made.journal.crew()) as one, closing(made.another().crew()) as other:
        assert one.attend("a", 60) == 1
        two = other.attend("b", 60)
        assert two in {1, 2}  # where a journal is held as a whole, there is nobody else
        assert one.attend("a", 60) == two
        oldest, following = one.horizon()
        assert oldest <= following
        other.leave("b")
        assert one.attend("a", 60) == 1
        one.leave("a")


def test_an_account_stays_where_it_is(made: Made) -> None:
    """Whoever asks, and one without a name too."""
    with closing(made.journal.accounts()) as accounts, closing(made.another().accounts()) as others:
        assert accounts.slot_of("0xpay", "m") == others.slot_of("0xpay", "m") == 0
        assert others.slot_of("calypso", "") == 0
        assert accounts.add_slots(1) == 1


def test_nothing_moves_to_a_slot_that_is_not_there(journal: Journal) -> None:
    """One sentence, and all is as it was."""
    with closing(journal.accounts()) as accounts:
        slot = accounts.slot_of("0xpay", "m")
        with pytest.raises(JournalError, match="slot"):
            accounts.move("0xpay", "m", 7)
        with pytest.raises(JournalError, match="slot"):
            accounts.add_slots(100_000)
        assert accounts.slot_of("0xpay", "m") == slot
    with pytest.raises(JournalError, match="no slot 7"):
        journal.part(7)


def test_the_part_of_a_slot_is_asked_for_work(journal: Journal) -> None:
    """Where there is one slot, it is all of the journal."""
    part = journal.part(0)
    with closing(part.requests(write=True)) as requests:
        number = requests.add("close", 1, {"callbacks": []})
        assert [one.number for one in requests.read(0, 10)] == [number]
    with closing(journal.accounts()) as accounts:
        slots = accounts.slots_of([EntryId("requests", number)])
    assert slots == {EntryId("requests", number): 0}


def test_numbers_that_rise_are_left_alone(journal: Journal) -> None:
    """There is nothing to adopt."""
    assert journal.adopt() is None
