"""What was seen is answered and not stored again, and each 200 still means that it is safe."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from receiver.intake.repeats import LINES_PER_S, REBUILD_STEP, Kept, Repeats, content_digest
from receiver.journal.memory.journal import MemoryJournal
from receiver.journal.ports import InboxLimits
from receiver.journal.sqlite.journal import open_journal
from receiver.model.callback import VerifiedCallback
from receiver.model.errors import Unavailable
from tests.support import ONCHAINPAY_VECTORS, OXPAY_VECTORS, Way

BODY: bytes = OXPAY_VECTORS["bodies"][0]["body"].encode()
SWAP: dict[str, Any] = ONCHAINPAY_VECTORS["samples"]["auto_swap"]["PENDING"]


def swap(identity: str, **changes: Any) -> bytes:
    """The body of a swap."""
    return json.dumps(SWAP | {"id": identity} | changes).encode()


def callback(body: bytes, source: str = "swaps") -> VerifiedCallback:
    """A callback that was proven genuine."""
    return VerifiedCallback(source, 1, (), body)


async def answered(way: Way, source: str, body: bytes) -> None:
    """Deliver it; the answer is 200."""
    answer = await way.deliver(source, body)
    assert (answer.status_code, answer.text) == (200, "OK")


async def test_a_repeat_is_answered_and_not_stored() -> None:
    """Also one with a newer time and signature; nobody is woken for it, and it is counted."""
    way = Way(remembered_max=10)
    await answered(way, "0xpay-main", BODY)
    way.clock.advance(100)
    await answered(way, "0xpay-main", BODY)
    assert [entry.number for entry in way.inbox.entries] == [1]
    assert way.woken == 1
    count = way.intake.metrics.registry.get_sample_value
    assert count("receiver_callbacks_total", {"source": "0xpay-main", "answer": "200"}) == 2
    assert count("receiver_callbacks_repeated_total", {"source": "0xpay-main"}) == 1
    assert count("receiver_inbox_commit_seconds_count") == 1
    heard, repeated = (
        count(f"receiver_source_last_{what}_timestamp_seconds", {"source": "0xpay-main"})
        for what in ("callback", "repeat")
    )
    assert heard is not None
    assert repeated == heard + 100, "a replay does not hide that the provider itself is silent"
    assert way.log.named("callback.repeated") == [{"source": "0xpay-main", "callback": 1}]
    assert len(way.log.named("callback.accepted")) == 1


async def test_another_source_or_another_byte_is_another_callback() -> None:
    """Nothing is taken for a repeat that is not the same content at the same place."""
    way = Way(remembered_max=10)
    for body in (swap("a"), swap("a") + b" ", swap("b"), swap("a", updatedAt="2030-01-01T00:00:00Z")):
        await answered(way, "swaps", body)
    await answered(way, "0xpay-main", swap("a"))
    assert len(way.inbox.entries) == 5
    assert content_digest("a", b"bc") != content_digest("ab", b"c")


async def test_a_status_that_goes_back_means_the_same_stored_or_not() -> None:
    """A, B, A: the second A is a duplicate of the first by the rules, so that nothing is lost with it."""
    bodies = [swap("a"), swap("a", status="WITHDRAWING"), swap("a"), swap("a", amountFrom="9"), swap("a")]
    stored, remembered = Way(), Way(remembered_max=10)
    said = await stored.events("swaps", bodies)
    assert await remembered.events("swaps", bodies) == said
    assert [(event["status"], event["effective"]) for event in said] == [
        ("pending", True), ("sending", True), ("pending", False),
    ]  # fmt: skip
    assert (len(stored.inbox.entries), len(remembered.inbox.entries)) == (5, 3)
    (one,), (other,) = stored.outbox.known.values(), remembered.outbox.known.values()
    assert (one.state.event_id, one.state.revisions) == (other.state.event_id, other.state.revisions)


async def test_junk_is_no_repeat() -> None:
    """The signature is looked at first."""
    way = Way(remembered_max=10)
    await answered(way, "0xpay-main", BODY)
    assert (await way.post("0xpay-main", BODY, [(b"signature", b"0" * 64)])).status_code == 401
    assert way.log.named("callback.repeated") == []


async def test_a_flood_of_repeats_has_few_lines() -> None:
    """The next line says how many were left out."""
    way = Way(remembered_max=10)
    for _ in range(LINES_PER_S + 21):
        await answered(way, "0xpay-main", BODY)
    assert len(way.log.named("callback.repeated")) == LINES_PER_S
    way.clock.advance(1)
    await answered(way, "0xpay-main", BODY)
    assert way.log.named("callback.repeated")[-1]["suppressed"] == 20


async def test_so_many_are_remembered_and_no_more() -> None:
    """The one that was stored first is forgotten first, and is then stored again."""
    repeats, numbers = Repeats(2), iter(range(1, 100))

    async def append(_: VerifiedCallback) -> int:
        return next(numbers)

    async def keep(body: bytes) -> Kept:
        return await repeats.keep(callback(body), append)

    assert [await keep(body) for body in (b"a", b"b", b"a")] == [Kept(1, False), Kept(2, False), Kept(1, True)]
    assert [await keep(body) for body in (b"c", b"a", b"c")] == [Kept(3, False), Kept(4, False), Kept(3, True)]


class Slow:
    """An inbox whose commit ends when the test says so."""

    def __init__(self) -> None:
        self.appended: list[VerifiedCallback] = []
        self.commits: list[asyncio.Future[int]] = []

    async def append(self, verified: VerifiedCallback) -> int:
        """Wait for the commit."""
        self.appended.append(verified)
        self.commits.append(asyncio.get_running_loop().create_future())
        return await self.commits[-1]


async def waiting(repeats: Repeats, inbox: Slow, count: int) -> list[asyncio.Task[Kept]]:
    """So many of one content, on their way."""
    tasks = [asyncio.create_task(repeats.keep(callback(b"x"), inbox.append)) for _ in range(count)]
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks


async def test_a_repeat_of_what_is_not_committed_yet_waits_for_the_same_commit() -> None:
    """Nobody gets a 200 before the fsync, and one row is written for all of them."""
    repeats, inbox = Repeats(), Slow()
    tasks = await waiting(repeats, inbox, 3)
    assert (len(inbox.appended), [task.done() for task in tasks]) == (1, [False] * 3)
    inbox.commits[0].set_result(7)
    assert await asyncio.gather(*tasks) == [Kept(7, repeated=False), Kept(7, repeated=True), Kept(7, repeated=True)]


async def test_a_refused_commit_refuses_all_who_wait_for_it_and_is_not_remembered() -> None:
    """The provider tries again, and that is then the first."""
    repeats, inbox = Repeats(), Slow()
    tasks = await waiting(repeats, inbox, 3)
    inbox.commits[0].set_exception(Unavailable("commit_failed"))
    refused = await asyncio.gather(*tasks, return_exceptions=True)
    assert [getattr(one, "why", None) for one in refused] == ["commit_failed"] * 3
    (again,) = await waiting(repeats, inbox, 1)
    inbox.commits[1].set_result(1)
    assert await again == Kept(1, repeated=False)


async def test_a_repeat_outlives_the_first_ones_request() -> None:
    """A first one that was given up leaves its place to the next, which is stored in its own right."""
    repeats, inbox = Repeats(), Slow()
    first, second, third = await waiting(repeats, inbox, 3)
    third.cancel()
    first.cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(inbox.appended) == 2
    inbox.commits[1].set_result(2)
    assert await second == Kept(2, repeated=False)
    assert await repeats.keep(callback(b"x"), inbox.append) == Kept(2, repeated=True)


async def test_the_newest_of_the_inbox_are_known_after_a_start() -> None:
    """But for what nobody could read: after a fix its repeat becomes an event."""
    way = Way()
    bodies = [swap("a"), swap("b", status="REFUNDED"), swap("c")]
    await way.events("swaps", bodies)
    await answered(way, "swaps", swap("not interpreted yet"))
    way.intake.repeats = Repeats(10)
    way.intake.repeats.rebuild(way.inbox, way.outbox)
    for body in (*bodies, swap("not interpreted yet")):
        await answered(way, "swaps", body)
    assert [entry.callback.body for entry in way.inbox.entries[4:]] == [bodies[1]]
    await answered(way, "swaps", bodies[1])
    assert len(way.inbox.entries) == 5, "once a start, and no more"


async def test_a_start_reads_a_bounded_end_of_the_inbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many contents, and so many bytes of them, however large the inbox is."""
    journal = MemoryJournal()
    for at in range(3 * REBUILD_STEP):
        await journal.inbox().append(callback(b"%06d" % at))
    looked = list[int]()
    below = journal.inbox().bodies_below

    def bodies_below(number: int, limit: int) -> Any:
        looked.append(number)
        return below(number, limit)

    monkeypatch.setattr(journal.inbox(), "bodies_below", bodies_below)
    few = Repeats(REBUILD_STEP + 1)
    few.rebuild(journal.inbox(), journal.outbox())
    assert looked == [3 * REBUILD_STEP + 1, 2 * REBUILD_STEP + 1]
    assert (await few.keep(callback(b"%06d" % (3 * REBUILD_STEP - 1)), journal.inbox().append)).repeated
    assert not (await few.keep(callback(b"%06d" % 5), journal.inbox().append)).repeated
    looked.clear()
    monkeypatch.setattr("receiver.intake.repeats.REBUILD_BYTES_MAX", 6 * REBUILD_STEP)
    Repeats().rebuild(journal.inbox(), journal.outbox())
    assert len(looked) == 1


def sizes(folder: Path) -> Mapping[str, int]:
    """Of the journal's files."""
    return {path.name: path.stat().st_size for path in folder.iterdir()}


async def test_the_journal_does_not_grow_with_repeats(tmp_path: Path) -> None:
    """Not by a byte, however many there are."""
    journal = open_journal(tmp_path / "journal")
    inbox, repeats = journal.inbox_writer(InboxLimits()), Repeats()
    try:
        await repeats.keep(callback(b"x" * 10_000), inbox.append)
        before = sizes(tmp_path / "journal")
        for _ in range(200):
            kept = await asyncio.gather(*(repeats.keep(callback(b"x" * 10_000), inbox.append) for _ in range(50)))
            assert set(kept) == {Kept(1, repeated=True)}
        assert sizes(tmp_path / "journal") == before
        assert inbox.commits == 1
    finally:
        await asyncio.to_thread(inbox.close)


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from receiver.intake.repeats import Repeats
from receiver.journal.ports import InboxLimits
from receiver.journal.sqlite.journal import open_journal
from receiver.model.callback import VerifiedCallback

async def main():
    inbox = open_journal(Path(sys.argv[1])).inbox_writer(InboxLimits())
    await Repeats().keep(VerifiedCallback("swaps", 1, (), b"x"), inbox.append)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_what_was_committed_before_a_kill_is_a_repeat_after_it(tmp_path: Path) -> None:
    """The provider got no answer and sends it again: it is there, once, and that is known."""
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, str(tmp_path / "journal"))
    assert await killed.wait() == -signal.SIGKILL
    journal = open_journal(tmp_path / "journal")
    repeats, inbox, outbox = Repeats(), journal.inbox(), journal.outbox()
    repeats.rebuild(inbox, outbox)
    writer = journal.inbox_writer(InboxLimits())
    try:
        assert await repeats.keep(callback(b"x"), writer.append) == Kept(1, repeated=True)
        assert [entry.callback.body for entry in inbox.read(0, 10)] == [b"x"]
    finally:
        await asyncio.to_thread(writer.close)
        inbox.close()
        outbox.close()
