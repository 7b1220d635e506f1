"""The inbox of each engine: what was appended is there, whole, in order, and a reader's cursor misses nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from receiver.journal.memory.inbox import MemoryInbox
from receiver.journal.ports import Inbox, InboxLimits, InboxReader
from receiver.model.callback import JournalEntry, VerifiedCallback
from tests.contract.journal.conftest import Made
from tests.contract.journal.samples import START_US, callback


@dataclass(frozen=True)
class Pair:
    """A writer and a reader of one inbox, the reader as in another process."""

    writer: Inbox
    reader: InboxReader
    dense: bool


@pytest.fixture
async def inbox(made: Made) -> AsyncIterator[Pair]:
    """An empty inbox."""
    pair = Pair(made.journal.inbox_writer(InboxLimits()), made.another().inbox(), made.dense)
    yield pair
    await asyncio.to_thread(pair.writer.close)
    pair.reader.close()


def read_all(reader: InboxReader, limit: int = 1000) -> list[JournalEntry]:
    """All entries, by a cursor: a read may give fewer than are asked for."""
    found: list[JournalEntry] = []
    while entries := reader.read(found[-1].number if found else 0, limit):
        assert len(entries) <= limit
        found += entries
    return found


async def test_a_new_inbox_is_empty(inbox: Pair) -> None:
    """Numbers begin after 0."""
    assert inbox.reader.last_number() == 0
    assert list(inbox.reader.read(0, 10)) == []
    assert list(inbox.reader.ages(0, 10)) == []
    assert inbox.reader.entry(1) is None
    assert inbox.writer.accepting() is None
    assert inbox.writer.trouble() is None
    assert (inbox.writer.figures().queued, inbox.writer.figures().last_committed) == (0, 0)


async def test_what_is_appended_is_read_back_as_it_was(inbox: Pair) -> None:
    """Headers in order with their repeats, bytes as bytes, in the order of their numbers."""
    bodies = [b"", b"\x00\xff", "é✓".encode(), b"x" * 300_000]
    numbers = [await inbox.writer.append(callback(at, body)) for at, body in enumerate(bodies)]
    assert numbers == ([1, 2, 3, 4] if inbox.dense else sorted(set(numbers)))
    assert [entry.number for entry in inbox.reader.read(0, 10)] == numbers
    assert [entry.callback for entry in inbox.reader.read(0, 10)] == [callback(at, b) for at, b in enumerate(bodies)]
    assert [entry.number for entry in inbox.reader.read(numbers[1], 1)] == [numbers[2]]
    assert inbox.reader.last_number() == numbers[3]
    assert inbox.reader.entry(numbers[1]) == JournalEntry(numbers[1], callback(1, b"\x00\xff"))
    assert inbox.reader.entry(numbers[3] + 1) is None


async def test_callbacks_that_come_together_each_have_a_number(inbox: Pair) -> None:
    """More than one statement's worth, more than one commit's."""
    numbers = await asyncio.gather(*(inbox.writer.append(callback(at, b"%d" % at)) for at in range(1500)))
    assert sorted(numbers) == (list(range(1, 1501)) if inbox.dense else sorted(set(numbers)))
    entries = read_all(inbox.reader)
    assert {entry.number: entry.callback.body for entry in entries} == {n: b"%d" % at for at, n in enumerate(numbers)}
    assert (inbox.writer.figures().queued, inbox.writer.figures().last_committed) == (0, max(numbers))
    assert inbox.writer.trouble() is None


async def test_a_read_may_be_short_and_a_cursor_gets_all(inbox: Pair) -> None:
    """Large bodies come a few at a time, each of them at least alone; the order and the rest stay."""
    bodies = [b"%d" % at + b"x" * 3_000_000 for at in range(7)]
    numbers = [await inbox.writer.append(callback(at, body)) for at, body in enumerate(bodies)]
    for limit in (1, 3, 1000):
        found = read_all(inbox.reader, limit)
        assert [entry.number for entry in found] == numbers
        assert [entry.callback.body for entry in found] == bodies


async def test_a_purged_callback_is_gone_and_its_number_is_not(inbox: Pair) -> None:
    """A number is never given twice, also where all callbacks went; what is purged twice is no fault."""
    numbers = [await inbox.writer.append(callback(at)) for at in range(4)]
    await inbox.writer.purge(numbers[1:3])
    assert [entry.number for entry in inbox.reader.read(0, 10)] == [numbers[0], numbers[3]]
    assert inbox.reader.entry(numbers[1]) is None
    await inbox.writer.purge(numbers)
    assert list(inbox.reader.read(0, 10)) == []
    assert inbox.reader.last_number() == numbers[3]
    assert await inbox.writer.append(callback(9)) > numbers[3]


async def test_purging_and_appending_do_not_disturb_each_other(inbox: Pair) -> None:
    """Each happens whole, between two commits."""
    old = await asyncio.gather(*(inbox.writer.append(callback(at)) for at in range(60)))
    appending = asyncio.gather(*(inbox.writer.append(callback(at)) for at in range(200)))
    await asyncio.gather(inbox.writer.purge(old[:30]), inbox.writer.purge(old[30:]))
    new = await appending
    assert [entry.number for entry in read_all(inbox.reader)] == sorted(new)


async def test_what_waits_is_counted(inbox: Pair) -> None:
    """Whatever gaps there are between the numbers."""
    assert inbox.reader.waiting(0) == 0
    numbers = [await inbox.writer.append(callback(at)) for at in range(4)]
    assert [inbox.reader.waiting(number) for number in (0, numbers[0], numbers[2], numbers[3])] == [4, 3, 1, 0]
    assert inbox.reader.waiting(numbers[3] + 1) == 0


async def test_ages_are_told_in_order_of_the_numbers(inbox: Pair) -> None:
    """Whatever the clock did meanwhile."""
    at_us = [5, 3, 900, -7]
    numbers = [await inbox.writer.append(callback(at)) for at in at_us]
    assert list(inbox.reader.ages(0, 10)) == [(n, START_US + at) for n, at in zip(numbers, at_us, strict=True)]
    assert list(inbox.reader.ages(numbers[1], 1)) == [(numbers[2], START_US + 900)]
    await inbox.writer.purge([numbers[3]])
    assert list(inbox.reader.ages(numbers[2], 1)) == []


async def test_a_time_is_found_without_an_order_of_times(inbox: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock may be set back, and an import brings old times: none is missed, over many stretches of numbers."""
    monkeypatch.setattr("receiver.journal.sqlite.inbox.STRETCH", 2)
    at_us = [50, 60, 10, 70, 55]
    numbers = [await inbox.writer.append(callback(at)) for at in at_us]

    def next_between(after: int, since_us: int, until_us: int) -> int | None:
        return inbox.reader.next_between(after, START_US + since_us, START_US + until_us)

    assert next_between(0, 50, 60) == numbers[0]
    assert next_between(numbers[0], 50, 60) == numbers[4]
    assert next_between(numbers[4], 0, 100) is None
    assert next_between(0, 10, 11) == numbers[2]
    assert next_between(0, 71, 100) is None


async def test_what_waits_is_committed_when_the_writer_is_closed(made: Made) -> None:
    """No caller is left without an answer."""
    writer = made.journal.inbox_writer(InboxLimits())
    waiting = [asyncio.ensure_future(writer.append(callback(at))) for at in range(300)]
    await asyncio.sleep(0)
    await asyncio.to_thread(writer.close)
    numbers = await asyncio.gather(*waiting)
    reader = made.another().inbox()
    assert [entry.number for entry in read_all(reader)] == sorted(numbers)
    reader.close()


class OutOfOrder(Exception):
    """A number came to be seen after a higher one."""


async def follow(reader: InboxReader, wanted: int) -> list[JournalEntry]:
    """Read on from the highest number seen until ``wanted`` entries were; raises ``OutOfOrder``, ``TimeoutError``.

    Each look is followed by one back, at the last hundred numbers: whoever has seen a number sees every lower one too,
    so nothing may be there that was not there before.
    """
    found: list[JournalEntry] = []
    async with asyncio.timeout(60):
        while len(found) < wanted:
            cursor = found[-1].number if found else 0
            found += await asyncio.to_thread(reader.read, cursor, 50)
            back = [entry.number for entry in found[-100:]]
            if back:
                again = await asyncio.to_thread(reader.read, back[0] - 1, len(back))
                if [entry.number for entry in again] != back:
                    raise OutOfOrder(sorted({entry.number for entry in again} - set(back)))
            await asyncio.sleep(0)
    return found


async def append_many(writers: Sequence[Inbox], tasks: int, each: int) -> list[int]:
    """Append ``tasks * each`` callbacks through these writers, so many at once; their numbers."""

    async def one(task: int) -> list[int]:
        writer = writers[task % len(writers)]
        return [await writer.append(callback(at, b"%d %d" % (task, at))) for at in range(each)]

    return [number for numbers in await asyncio.gather(*map(one, range(tasks))) for number in numbers]


async def test_numbers_become_visible_in_order(made: Made) -> None:
    """With as many writers as the engine allows, and many callbacks at once, a reader's cursor misses nothing."""
    tasks, each = 40, 40
    async with AsyncExitStack() as stack:
        writers = []
        for _ in range(made.writers):
            writers.append(made.another().inbox_writer(InboxLimits()))
            stack.push_async_callback(asyncio.to_thread, writers[-1].close)
        reader = made.another().inbox()
        stack.callback(reader.close)
        found, numbers = await asyncio.gather(follow(reader, tasks * each), append_many(writers, tasks, each))
        assert [entry.number for entry in found] == sorted(numbers)
        assert [entry.number for entry in read_all(reader)] == sorted(numbers)
        assert reader.last_number() == max(numbers)


class Careless(MemoryInbox):
    """An inbox whose writers take a number first and commit later: the fifth of them once a higher one was read."""

    def __init__(self) -> None:
        super().__init__()
        self._overtaken, self._kept = threading.Event(), threading.Event()

    async def append(self, callback: VerifiedCallback) -> int:
        """Keep it, but not in the order of the numbers."""
        self._last += 1
        number = self._last
        if number == 5:
            await asyncio.to_thread(self._overtaken.wait, 60)
        self.entries = sorted([*self.entries, JournalEntry(number, callback)], key=lambda entry: entry.number)
        if number == 5:
            self._kept.set()
        return number

    def read(self, after: int, limit: int) -> Sequence[JournalEntry]:
        """The same; what was overtaken is there when the next one looks."""
        found = super().read(after, limit)
        if found and found[-1].number > 5 and not self._overtaken.is_set():
            self._overtaken.set()
            self._kept.wait(60)
        return found


async def test_an_engine_whose_writers_overtake_each_other_is_caught() -> None:
    """Else the test before it would prove nothing: this is what sequences of a database do."""
    inbox = Careless()
    appending = asyncio.ensure_future(append_many([inbox], 40, 40))
    with pytest.raises(OutOfOrder):
        await follow(inbox, 40 * 40)
    await appending


async def test_every_handle_reads_the_same(made: Made, inbox: Pair) -> None:
    """The process that writes has a reader too."""
    await asyncio.gather(*map(inbox.writer.append, map(callback, range(5))))
    mine = made.journal.inbox()
    assert list(mine.read(0, 10)) == list(inbox.reader.read(0, 10))
    assert mine.last_number() == inbox.reader.last_number()
    mine.close()


async def test_bodies_are_read_backwards(inbox: Pair) -> None:
    """For who needs the newest, and no more of each than its source and body; fewer where they are large."""
    assert list(inbox.reader.bodies_below(1, 10)) == []
    bodies = [b"a", b"", b"\x00\xff", b"d"]
    numbers = [await inbox.writer.append(callback(at, body)) for at, body in enumerate(bodies)]
    first, second, third, fourth = numbers
    newest = [(fourth, "main", b"d"), (third, "main", b"\x00\xff")]
    assert list(inbox.reader.bodies_below(fourth + 1, 2)) == newest
    assert list(inbox.reader.bodies_below(third, 10)) == [(second, "main", b""), (first, "main", b"a")]
    await inbox.writer.purge([second])
    found, below = list[int](), inbox.reader.last_number() + 1
    while step := inbox.reader.bodies_below(below, 2):
        found += [number for number, _, _ in step]
        below = step[-1][0]
    assert found == [fourth, third, first]


async def test_large_bodies_are_read_backwards_in_small_steps(inbox: Pair) -> None:
    """At least one at a time."""
    numbers = [await inbox.writer.append(callback(at, bytes(9 * 1024 * 1024))) for at in range(3)]
    below, found = numbers[-1] + 1, list[int]()
    while step := inbox.reader.bodies_below(below, 10):
        found += [number for number, _, _ in step]
        below = step[-1][0]
    assert found == numbers[::-1]
