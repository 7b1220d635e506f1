"""Forgetting one operation, of each engine: what goes, what stays, and what is right afterwards."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

import orjson

from receiver.journal.erasing import Erased, Erasure
from receiver.journal.ports import InboxLimits
from receiver.model.callback import EntryId, RawCallback, Resource, entry_digest
from receiver.model.records import Progress
from tests.contract.journal.conftest import Made
from tests.contract.journal.samples import START_US, batch, callback, event, key, quarantine_record

MARK = b"4111-of-a-person"


async def filled(made: Made) -> list[int]:
    """Two operations: of ``a`` two events, one of them by the API, a quarantined callback, a reject; of ``b`` one.

    Gives the numbers of the callbacks.
    """
    inbox = made.journal.inbox_writer(InboxLimits())
    at = [await inbox.append(callback(1, body)) for body in (MARK, MARK * 400, b'{"of": "b"}')]
    await asyncio.to_thread(inbox.close)
    with closing(made.journal.watchlist()) as watch:
        watch.answered("main", Resource("a", b'"%s"' % MARK, b"d", terminal=False), now_us=5, due_us=6, after=1)
    with closing(made.journal.rejects(write=True)) as rejects:
        rejects.add(RawCallback("main", START_US, (), MARK), "signature", 9)
    quarantined = {"reason": "schema", "detail": "id", "headers": [["x", MARK.decode()]]}
    value = b'{"sequence": %d, "to": "%s"}'
    with closing(made.journal.outbox(write=True)) as outbox, closing(made.journal.inbox()) as reader:
        records = [
            event(1, value=value % (1, MARK), callback=at[0]),
            quarantine_record(2, EntryId("inbox", at[1]), callback=at[1], value=orjson.dumps(quarantined)),
            event(3, "b", value=value % (1, b"b"), callback=at[2]),
        ]
        made_batch = batch(records, interpreted=at[2])
        last = reader.entry(at[2])
        assert last is not None
        made_batch.progress["inbox"] = Progress(at[2], entry_digest(last))
        outbox.commit(made_batch)
    return at


def erasure(at: list[int]) -> Erasure:
    """All of ``a``."""
    records = (
        event(1, value=b'{"sequence":1}', callback=at[0], publish=False),
        quarantine_record(2, EntryId("inbox", at[1]), callback=at[1], publish=False),
    )
    return Erasure(
        key("a"), callbacks=(at[0], at[1]), answers=(1,), rejects=(1,),
        watched=(("main", "a"), ("main", "never heard of")), records=records,
    )  # fmt: skip


async def test_what_is_erased_is_gone_and_the_rest_stays(made: Made) -> None:
    """Callbacks, answers, contents of records, rejects; not the operation's own state, nor another operation."""
    at = await filled(made)
    what = erasure(at)
    act = Erased(what.operation, START_US, "a test", "asked to", what.what())
    assert made.journal.erase(what, act) == list(made.bytes_stay_in)
    another = made.another()
    assert another.erasures() == [act]
    assert another.check() == []
    with (
        closing(another.inbox()) as inbox,
        closing(another.requests()) as requests,
        closing(another.rejects()) as rejects,
    ):
        assert [entry.number for entry in inbox.read(0, 9)] == [at[2]]
        assert (inbox.last_number(), requests.read(0, 9), rejects.newest(9)) == (at[2], [], [])
    with closing(another.outbox()) as outbox:
        assert outbox.read(0, 1)[0].value == b'{"sequence":1}'
        assert [record.publish for record in outbox.read(0, 9)] == [False, False, True]
        known = outbox.operations([key("a")])[key("a")]
        assert known.state.sequence == 1, "its place in the order stays"
        assert [(seen.event_id, seen.payload_digest) for seen in known.seen] == [("id-1", b"")]
        second = EntryId("inbox", at[1])
        standing = outbox.quarantined([second])[second]
        assert (standing.state, standing.why) == ("closed", "erased: asked to")
    with closing(another.watchlist()) as watch:
        assert watch.due("main", 2**61, 9) == []
        assert watch.discover("main", ["a"], 9) == 0, "a list of the provider's does not bring it back"


async def test_it_can_be_erased_once_more(made: Made) -> None:
    """Also what came meanwhile; each act is kept."""
    what = erasure(await filled(made))
    for reason in ("asked to", "once more"):
        made.journal.erase(what, Erased(what.operation, START_US, "a test", reason, what.what()))
    assert [act.reason for act in made.journal.erasures()] == ["asked to", "once more"]
    assert made.journal.check() == []


def files_with_it(folder: Path) -> list[str]:
    """The files that hold the mark."""
    return [str(path) for path in folder.rglob("*") if path.is_file() and MARK in path.read_bytes()]


async def test_no_file_holds_what_was_erased_or_purged(made: Made, tmp_path: Path) -> None:
    """Byte by byte, with logs and their index, while others have the stores open."""
    at = await filled(made)
    inbox, outbox = made.journal.inbox(), made.journal.outbox()
    what = erasure(at)
    made.journal.erase(what, Erased(what.operation, START_US, "a test", "asked to", what.what()))
    assert files_with_it(tmp_path) == []
    inbox.close()
    outbox.close()
