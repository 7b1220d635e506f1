"""The sample of refused callbacks, on each engine."""

from __future__ import annotations

import pytest

from receiver.model.callback import RawCallback
from receiver.model.errors import JournalError
from receiver.model.records import Reject
from tests.contract.journal.conftest import Made


def raw(at: int) -> RawCallback:
    """What may come: names in any order, bytes of any kind."""
    headers = ((b"x-odd", b"\xe9 : \x01"), (b"x-twice", b"1"), (b"x-twice", b""), (b"empty", b""))
    return RawCallback("main", at, headers, b"\x00\xff%d" % at)


def test_where_nothing_was_ever_kept_that_is_said(made: Made) -> None:
    """By whoever looks: the service makes the sample when it starts."""
    with pytest.raises(JournalError, match="there are no rejects"):
        made.another().rejects()


def test_a_reject_comes_back_as_it_was_the_newest_first(made: Made) -> None:
    """To a reader in another process."""
    store = made.journal.rejects(write=True)
    reader = made.another().rejects()
    assert (list(reader.newest(9)), reader.get(1)) == ([], None)
    for at in range(1, 4):
        store.add(raw(at), f"why {at}", 100)
    assert list(reader.newest(9)) == [Reject(at, f"why {at}", raw(at)) for at in (3, 2, 1)]
    assert [reject.number for reject in reader.newest(2)] == [3, 2]
    assert reader.get(2) == Reject(2, "why 2", raw(2))
    assert reader.get(4) is None
    reader.close()
    store.close()


def test_only_the_newest_are_kept(made: Made) -> None:
    """So many as the one who adds says; a number is never given twice."""
    store = made.journal.rejects(write=True)
    for at in range(1, 7):
        store.add(raw(at), "why", 3)
    assert [reject.number for reject in store.newest(9)] == [6, 5, 4]
    assert store.get(3) is None
    store.add(raw(7), "why", 0)
    assert list(store.newest(9)) == []
    store.add(raw(8), "why", 3)
    assert [reject.number for reject in store.newest(9)] == [8]
    store.close()
