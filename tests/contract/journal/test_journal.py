"""The handle on a journal, of each engine: what it is, whether it is sound, its figures, and a copy of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from receiver.journal.handle import Journal
from receiver.journal.ports import InboxLimits
from receiver.model.callback import EntryId, entry_digest
from receiver.model.errors import JournalError
from receiver.model.records import OutboxBatch, Outcome, Position, Progress
from tests.contract.journal.conftest import Made
from tests.contract.journal.index_samples import make
from tests.contract.journal.samples import batch, callback, event, key, quarantine_record

pytestmark = pytest.mark.usefixtures("unhurried")


async def receive(journal: Journal, count: int) -> list[int]:
    """Append callbacks; their numbers."""
    writer = journal.inbox_writer(InboxLimits())
    numbers = [await writer.append(callback(at)) for at in range(count)]
    await asyncio.to_thread(writer.close)
    return numbers


def interpret(journal: Journal, made: OutboxBatch) -> None:
    """Commit it with the digests that the inbox has."""
    inbox, outbox = journal.inbox(), journal.outbox(write=True)
    if "inbox" in made.progress:
        entry = inbox.entry(made.progress["inbox"].number)
        assert entry is not None
        made.progress["inbox"] = Progress(entry.number, entry_digest(entry))
    outbox.commit(made)
    outbox.close()
    inbox.close()


def event_of(number: int, operation: str, sequence: int, **changes: Any) -> Any:
    """An event as a check reads it."""
    return event(number, operation, value=b'{"sequence": %d}' % sequence, **changes)


def quarantine_of(number: int, callback_number: int) -> Any:
    """A quarantine record of a callback."""
    return quarantine_record(number, EntryId("inbox", callback_number), callback=callback_number)


def test_its_id_is_the_same_for_every_process(made: Made) -> None:
    """A UUID."""
    assert made.another().journal_id == made.journal.journal_id
    assert str(UUID(made.journal.journal_id)) == made.journal.journal_id


def test_a_new_journal_is_sound(journal: Journal) -> None:
    """With nothing in it."""
    assert journal.check() == []


async def test_a_sound_journal_is_sound(made: Made) -> None:
    """Whatever became of its callbacks, and however many are not interpreted yet."""
    at = await receive(made.journal, 7)
    records = [
        event_of(1, "a", 1, callback=at[0]),
        quarantine_of(2, at[1]),
        event_of(3, "a", 2, callback=at[2]),
        event_of(4, "b", 1, callback=at[3]),
    ]
    batched = batch(records, interpreted=at[4])
    batched.outcomes.append(Outcome("inbox", at[4], "duplicate", 3, key("a")))
    interpret(made.journal, batched)
    assert made.another().check() == []


async def test_a_callback_that_became_nothing_is_named(made: Made) -> None:
    """It counts as interpreted, and nobody would ever look at it again."""
    at = await receive(made.journal, 5)
    records = [event_of(1, "a", 1, callback=at[0]), event_of(3, "a", 2, callback=at[2])]
    interpret(made.journal, batch(records, interpreted=at[3]))
    assert made.another().check() == [
        f"callback {at[1]} counts as interpreted, and became nothing",
        f"callback {at[3]} counts as interpreted, and became nothing",
    ]


async def test_what_was_purged_is_not_missed(made: Made) -> None:
    """Outcomes go with their events, sooner than the callbacks; and nothing is missed where only answers went since."""
    at = await receive(made.journal, 3)
    requests = made.journal.requests(write=True)
    assert [requests.add("close", 1, {}) for _ in range(5)][-1] == 5
    requests.close()
    records = [
        event_of(1, "a", 1, callback=at[0]),
        event_of(2, "a", 2, callback=at[1]),
        event_of(3, "b", 1, day=2, callback=at[2]),
    ]
    interpret(made.journal, batch(records, interpreted=at[2]))
    answers = batch([event_of(4, "c", 1, callback=None), event_of(5, "d", 1, day=3, callback=None)])
    interpret(made.journal, answers)
    outbox = made.journal.outbox(write=True)
    outbox.remember("cluster", Position(5, "id-5"))
    assert outbox.purge("2024-05-28", None, 2) == 2
    assert made.journal.check() == []
    assert outbox.purge("2024-05-28", None, 2) == 1
    assert [record.number for record in outbox.read(0, 9)] == [3, 5]
    assert made.journal.check() == []
    outbox.close()


COMMON = {
    "journal", "callbacks", "last_callback", "interpreted_to", "records", "last_record", "published_to", "operations",
    "contents", "indexed_to",
}  # fmt: skip
"""Figures that every engine has."""


def common(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Without those that only one engine has: sizes."""
    return {name: value for name, value in figures.items() if name in COMMON or name.startswith("outcome_")}


async def test_figures(made: Made) -> None:
    """Counts, and how far it is read and published; the same names on every engine."""
    new = made.journal.stats()
    assert common(new) == {**dict.fromkeys(COMMON, 0), "journal": made.journal.journal_id}
    at = await receive(made.journal, 6)
    records = [
        event_of(1, "a", 1, callback=at[0]),
        quarantine_of(2, at[1]),
        event_of(3, "a", 2, callback=at[2]),
        event_of(4, "b", 1, callback=at[3]),
    ]
    interpret(made.journal, batch(records, interpreted=at[3]))
    outbox = made.journal.outbox(write=True)
    outbox.remember("cluster", Position(3, "id-3"))
    outbox.close()
    make(made.journal)
    assert common(made.another().stats()) == {
        "journal": made.journal.journal_id,
        "callbacks": 6,
        "last_callback": at[5],
        "interpreted_to": at[3],
        "records": 4,
        "last_record": 4,
        "published_to": 3,
        "operations": 2,
        "contents": 3,
        "indexed_to": 4,
        "outcome_event": 3,
        "outcome_quarantine": 1,
    }


def test_a_backup_is_made_or_refused(made: Made, tmp_path: Path) -> None:
    """Files are copied, and their sizes told; of what is in memory, or a database's own, nothing is copied."""
    target = tmp_path / "backup"
    if not made.copies:
        with pytest.raises(JournalError, match=r"in memory cannot be copied|its own pg_basebackup"):
            made.another().backup(target)
        assert not target.exists()
        return
    copied = made.another().backup(target)
    assert copied
    assert copied == {path: path.stat().st_size for path in copied if path.parent == target}
    with pytest.raises(JournalError, match="is not empty"):
        made.journal.backup(target)
