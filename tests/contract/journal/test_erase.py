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


async def filled(made: Made) -> None:
    """Two operations: of ``a`` two events, one of them by the API, a quarantined callback, a reject; of ``b`` one."""
    inbox = made.journal.inbox_writer(InboxLimits())
    for body in (MARK, MARK * 400, b'{"of": "b"}'):
        await inbox.append(callback(1, body))
    await asyncio.to_thread(inbox.close)
    with closing(made.journal.watchlist()) as watch:
        watch.answered("main", Resource("a", b'"%s"' % MARK, b"d", terminal=False), now_us=5, due_us=6, after=1)
    with closing(made.journal.rejects(write=True)) as rejects:
        rejects.add(RawCallback("main", START_US, (), MARK), "signature", 9)
    quarantined = {"reason": "schema", "detail": "id", "headers": [["x", MARK.decode()]]}
    value = b'{"sequence": %d, "to": "%s"}'
    with closing(made.journal.outbox(write=True)) as outbox, closing(made.journal.inbox()) as reader:
        records = [
            event(1, value=value % (1, MARK)),
            quarantine_record(2, value=orjson.dumps(quarantined)),
            event(3, "b", value=value % (1, b"b")),
        ]  # fmt: skip
        made_batch = batch(records, interpreted=3)
        last = reader.entry(3)
        assert last is not None
        made_batch.progress["inbox"] = Progress(3, entry_digest(last))
        outbox.commit(made_batch)


def erasure() -> Erasure:
    """All of ``a``."""
    return Erasure(
        key("a"), callbacks=(1, 2), answers=(1,), rejects=(1,), watched=(("main", "a"), ("main", "never heard of")),
        records=(event(1, value=b'{"sequence":1}', publish=False), quarantine_record(2, publish=False)),
    )  # fmt: skip


async def test_what_is_erased_is_gone_and_the_rest_stays(made: Made) -> None:
    """Callbacks, answers, contents of records, rejects; not the operation's own state, nor another operation."""
    await filled(made)
    what = erasure()
    act = Erased(what.operation, START_US, "a test", "asked to", what.what())
    assert made.journal.erase(what, act) == []
    another = made.another()
    assert another.erasures() == [act]
    assert another.check() == []
    with (
        closing(another.inbox()) as inbox,
        closing(another.requests()) as requests,
        closing(another.rejects()) as rejects,
    ):
        assert [entry.number for entry in inbox.read(0, 9)] == [3]
        assert (inbox.last_number(), requests.read(0, 9), rejects.newest(9)) == (3, [], [])
    with closing(another.outbox()) as outbox:
        assert outbox.read(0, 1)[0].value == b'{"sequence":1}'
        assert [record.publish for record in outbox.read(0, 9)] == [False, False, True]
        known = outbox.operations([key("a")])[key("a")]
        assert known.state.sequence == 1, "its place in the order stays"
        assert [(seen.event_id, seen.payload_digest) for seen in known.seen] == [("id-1", b"")]
        standing = outbox.quarantined([EntryId("inbox", 2)])[EntryId("inbox", 2)]
        assert (standing.state, standing.why) == ("closed", "erased: asked to")
    with closing(another.watchlist()) as watch:
        assert watch.due("main", 2**61, 9) == []
        assert watch.discover("main", ["a"], 9) == 0, "a list of the provider's does not bring it back"


async def test_it_can_be_erased_once_more(made: Made) -> None:
    """Also what came meanwhile; each act is kept."""
    await filled(made)
    what = erasure()
    for reason in ("asked to", "once more"):
        made.journal.erase(what, Erased(what.operation, START_US, "a test", reason, what.what()))
    assert [act.reason for act in made.journal.erasures()] == ["asked to", "once more"]
    assert made.journal.check() == []


def files_with_it(folder: Path) -> list[str]:
    """The files that hold the mark."""
    return [str(path) for path in folder.rglob("*") if path.is_file() and MARK in path.read_bytes()]


async def test_no_file_holds_what_was_erased_or_purged(made: Made, tmp_path: Path) -> None:
    """Byte by byte, with logs and their index, while others have the stores open."""
    await filled(made)
    inbox, outbox = made.journal.inbox(), made.journal.outbox()
    what = erasure()
    made.journal.erase(what, Erased(what.operation, START_US, "a test", "asked to", what.what()))
    assert files_with_it(tmp_path) == []
    inbox.close()
    outbox.close()
