"""The sample of refused callbacks, on each engine."""

from __future__ import annotations

import pytest

from receiver.journal.ports import Rejects
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


HOUR_US = 3_600_000_000


def kept(store: Rejects) -> list[tuple[str, str, bytes]]:
    """What is in the sample, the oldest first."""
    return [(reject.raw.source, reject.why, reject.raw.body) for reject in store.newest(1000)][::-1]


def of(source: str, body: bytes, at_us: int = 0) -> RawCallback:
    """One of a source."""
    return RawCallback(source, at_us, (), body)


def test_junk_of_one_kind_washes_out_no_other(made: Made) -> None:
    """Each source and reason has its share, however many there are of another."""
    store = made.journal.rejects(write=True)
    store.add(of("a", b"clock"), "stale", 9)
    store.add(of("b", b"wrong secret"), "signature", 9)
    for at in range(50):
        store.add(of("a", b"junk %d" % at), "signature", 9)
    assert kept(store)[:2] == [("a", "stale", b"clock"), ("b", "signature", b"wrong secret")]
    assert kept(store)[-1] == ("a", "signature", b"junk 49")
    assert len(kept(store)) == 9
    store.close()


def test_of_one_kind_the_nearest_to_genuine_stay(made: Made) -> None:
    """Whatever comes after them."""
    store = made.journal.rejects(write=True)
    for at in range(3):
        store.add(of("a", b"near %d" % at), "signature", 5, 3)
    for at in range(50):
        store.add(of("a", b"junk %d" % at), "signature", 5, at % 2)
    assert [body for _, _, body in kept(store)] == [b"near 0", b"near 1", b"near 2", b"junk 47", b"junk 49"]
    store.close()


def test_a_flood_takes_its_hour_and_no_other(made: Made) -> None:
    """Also where it looks like the genuine ones: some of each hour stay."""
    store = made.journal.rejects(write=True)
    for hour in range(3):
        store.add(of("a", b"hour %d" % hour, hour * HOUR_US), "signature", 6, 3)
    for at in range(50):
        store.add(of("a", b"junk %d" % at, 3 * HOUR_US + at), "signature", 6, 3)
    said = [body for _, _, body in kept(store)]
    assert said == [b"hour 0", b"hour 1", b"hour 2", b"junk 47", b"junk 48", b"junk 49"]
    store.close()
