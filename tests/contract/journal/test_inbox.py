"""One suite over the fake inbox and the real one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from receiver.journal.memory.inbox import MemoryInbox
from receiver.journal.ports import Inbox, InboxLimits, InboxReader
from receiver.journal.sqlite.inbox import SqliteInboxReader
from receiver.journal.sqlite.inbox_writer import SqliteInbox
from receiver.journal.sqlite.journal import open_journal
from receiver.model.callback import VerifiedCallback


@dataclass(frozen=True)
class Pair:
    """A writer and a reader of one inbox."""

    writer: Inbox
    reader: InboxReader


@pytest.fixture(params=["fake", "sqlite"])
async def inbox(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Pair]:
    """An empty inbox of each make."""
    if request.param == "fake":
        fake = MemoryInbox()
        yield Pair(fake, fake)
        return
    open_journal(tmp_path / "journal")
    writer, reader = SqliteInbox(tmp_path / "journal", InboxLimits()), SqliteInboxReader(tmp_path / "journal")
    yield Pair(writer, reader)
    await asyncio.to_thread(writer.close)
    reader.close()


def callback(number: int, body: bytes = b"{}") -> VerifiedCallback:
    """A callback with all that can be odd in its headers."""
    headers = ((b"x-odd", b"\xe9 : \x01"), (b"x-twice", b"1"), (b"x-twice", b""), (b"empty", b""))
    return VerifiedCallback("main", 1_716_800_130_000_000 + number, headers, body)


async def test_a_new_inbox_is_empty(inbox: Pair) -> None:
    """Numbers begin after 0."""
    assert inbox.reader.last_number() == 0
    assert list(inbox.reader.read(0, 10)) == []
    assert inbox.writer.accepting() is None


async def test_what_is_appended_is_read_back_as_it_was(inbox: Pair) -> None:
    """Headers in order with their repeats, bytes as bytes, in the order of their numbers."""
    bodies = [b"", b"\x00\xff", "é✓".encode(), b"x" * 300_000]
    numbers = [await inbox.writer.append(callback(at, body)) for at, body in enumerate(bodies)]
    assert numbers == [1, 2, 3, 4]
    assert [entry.number for entry in inbox.reader.read(0, 10)] == numbers
    assert [entry.callback for entry in inbox.reader.read(0, 10)] == [callback(at, b) for at, b in enumerate(bodies)]
    assert [entry.number for entry in inbox.reader.read(2, 1)] == [3]
    assert inbox.reader.last_number() == 4


async def test_callbacks_that_come_together_each_have_a_number(inbox: Pair) -> None:
    """More than one statement's worth, more than one commit's."""
    numbers = await asyncio.gather(*(inbox.writer.append(callback(at, b"%d" % at)) for at in range(1500)))
    assert sorted(numbers) == list(range(1, 1501))
    entries = [*inbox.reader.read(0, 1000), *inbox.reader.read(1000, 1000)]
    assert {entry.number: entry.callback.body for entry in entries} == {n: b"%d" % at for at, n in enumerate(numbers)}
