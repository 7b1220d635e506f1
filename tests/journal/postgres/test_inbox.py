"""Reading below the horizon: whatever is open, in whatever order it ends, no number appears below one that was seen."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing

import pytest

from receiver.journal.ports import InboxReader
from receiver.journal.postgres import inbox
from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.inbox import PostgresInboxReader
from receiver.journal.postgres.inbox_append import begin_numbered

APPEND = inbox.SQL["append"]
PLAIN = "INSERT INTO callbacks (slot, number, source, received_at_us, headers, body) VALUES (0, $1, 's', 0, '', 'x')"
ORDERS = list(itertools.permutations(range(3)))


class Held:
    """Appends whose transactions are open, begun one after the other."""

    def __init__(self, address: Address, stack: ExitStack, count: int) -> None:
        self.databases = [stack.enter_context(closing(Database(address, "append"))) for _ in range(count)]
        self.numbers = []
        for place, database in enumerate(self.databases):
            database.execute("BEGIN")
            values = ([f"s{place}"], [place], [b""], [b"x"], [0], 0)
            self.numbers.append(int(database.one(APPEND, *values)))

    def end(self, place: int, how: str = "COMMIT") -> None:
        """End one of them."""
        self.databases[place].execute(how)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What is closed at the end."""
    with ExitStack() as stack:
        yield stack


def follow(reader: InboxReader, seen: list[int]) -> None:
    """Read on from the highest number seen."""
    seen += [entry.number for entry in reader.read(seen[-1] if seen else 0, 10)]


def ended_in(order: Sequence[int], held: Held, reader: InboxReader) -> list[int]:
    """What a reader's cursor sees that looks after each commit."""
    seen: list[int] = []
    for place in order:
        held.end(place)
        follow(reader, seen)
    follow(reader, seen)
    return seen


@pytest.mark.parametrize("order", ORDERS)
def test_numbers_become_visible_in_order(address: Address, stack: ExitStack, order: tuple[int, ...]) -> None:
    """Three transactions that end in every order: a cursor sees each of their callbacks."""
    held = Held(address, stack, 3)
    reader = stack.enter_context(closing(PostgresInboxReader(address)))
    assert ended_in(order, held, reader) == held.numbers == sorted(held.numbers)


def test_without_the_horizon_a_cursor_passes_over_one(
    address: Address, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the test before this one would prove nothing."""
    naive = inbox.SQL["entries"].replace(
        "pg_snapshot_xmin(pg_current_snapshot())", "pg_snapshot_xmax(pg_current_snapshot())"
    )
    assert naive != inbox.SQL["entries"]
    monkeypatch.setattr(inbox, "SQL", {**inbox.SQL, "entries": naive})
    held = Held(address, stack, 3)
    reader = stack.enter_context(closing(PostgresInboxReader(address)))
    assert ended_in((2, 1, 0), held, reader) == [held.numbers[2]]


def test_what_was_rolled_back_holds_nobody_up(address: Address, stack: ExitStack) -> None:
    """Its number is given to nobody."""
    held = Held(address, stack, 3)
    reader = stack.enter_context(closing(PostgresInboxReader(address)))
    held.end(2)
    held.end(0)
    held.end(1, "ROLLBACK")
    assert [entry.number for entry in reader.read(0, 10)] == [held.numbers[0], held.numbers[2]]


def test_a_foreign_transaction_does_not_hold_events_up(
    address: Address, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can be no append, since it holds no lock on the table; one that can be still does."""
    monkeypatch.setattr(inbox, "STILL_S", 0.0)
    foreign = stack.enter_context(closing(Database(address, "foreign")))
    foreign.execute("BEGIN")
    foreign.rows("INSERT INTO runs VALUES ('x', '')")
    held = Held(address, stack, 3)
    reader = stack.enter_context(closing(PostgresInboxReader(address)))
    held.end(0)
    held.end(2)
    seen: list[int] = []
    follow(reader, seen)
    assert seen == held.numbers[:1], "the second append is open"
    held.end(1)
    follow(reader, seen)
    assert seen == held.numbers


def test_an_append_that_only_has_its_number_is_one_too(
    address: Address, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is sealed is bound to its number, which is asked for before the row is there: as long as that takes."""
    monkeypatch.setattr(inbox, "STILL_S", 0.0)
    sealing = stack.enter_context(closing(Database(address, "append")))
    sealing.execute(begin_numbered(address))
    number = int(sealing.one(inbox.SQL["first_number"]))
    held = Held(address, stack, 1)
    held.end(0)
    reader = stack.enter_context(closing(PostgresInboxReader(address)))
    seen: list[int] = []
    follow(reader, seen)
    assert seen == []
    sealing.rows(PLAIN, number)  # a sealed one would need its key
    follow(reader, seen)
    sealing.execute("COMMIT")
    follow(reader, seen)
    assert seen == [number, *held.numbers]


def test_while_an_append_shows_no_number_nothing_is_known(
    address: Address, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have one that counts already, and that the list of locks shows a moment later."""
    monkeypatch.setattr(inbox, "STILL_S", 0.0)
    foreign = stack.enter_context(closing(Database(address, "foreign")))
    foreign.execute("BEGIN")
    foreign.rows("INSERT INTO runs VALUES ('x', '')")
    beginning = stack.enter_context(closing(Database(address, "append")))
    beginning.execute(begin_numbered(address))
    held = Held(address, stack, 1)
    held.end(0)
    reader = stack.enter_context(closing(PostgresInboxReader(address)))
    seen: list[int] = []
    follow(reader, seen)
    assert seen == []
    beginning.execute("ROLLBACK")
    follow(reader, seen)
    assert seen == held.numbers
