"""What reconcile remembers, on real files: across processes, releases, purges and mending by hand."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from receiver.interpret.entry import Rules
from receiver.interpret.interpreter import Interpreter
from receiver.interpret.metrics import InterpretMetrics
from receiver.journal.entries import open_stores
from receiver.journal.sqlite import store as sqlite
from receiver.journal.sqlite.audit import check
from receiver.journal.sqlite.journal import SqliteJournal, open_journal
from receiver.journal.sqlite.outbox import SqliteOutbox
from receiver.journal.sqlite.requests import SqliteRequests
from receiver.journal.sqlite.take_over import SqliteTakeOver
from receiver.journal.sqlite.watchlist import SqliteWatchlist
from receiver.model.callback import Resource
from receiver.model.operation import OperationState
from receiver.model.records import Progress
from receiver.operate.rejoin_plan import fold, key_of
from receiver.reconcile.follower import CLOSED_KEPT_US, TIDY_S
from receiver.sandbox.fakes import FakeClock
from receiver.service.config.settings import build
from receiver.service.config.sources import resolve_sources
from receiver.service.processes.reconcile import ReconcileProcess
from tests.fake_provider import swap
from tests.support import Lines

DAY_US = 86_400 * 1_000_000
ENVIRON = {"PUBLIC": "made-up-public", "SECRET": "made-up-secret"}


@pytest.fixture
def journal(tmp_path: Path) -> SqliteJournal:
    """A new one."""
    return open_journal(tmp_path / "journal")


@pytest.fixture
def watch(journal: SqliteJournal) -> Iterator[SqliteWatchlist]:
    """Its watch."""
    made = SqliteWatchlist(journal.folder)
    yield made
    made.close()


def resource(identity: str, word: str, *, terminal: bool) -> Resource:
    """An answer."""
    text = json.dumps(swap(identity, word)).encode()
    return Resource(identity, text, word.encode(), terminal)


def requests(journal: SqliteJournal) -> list[Any]:
    """All requests."""
    store = SqliteRequests.open(journal.folder, read_only=True)
    try:
        return list(store.read(0, 1000))
    finally:
        store.close()


def test_a_journal_from_before_reconcile_is_taken_as_it_is(journal: SqliteJournal) -> None:
    """Its tables are added; whoever does not know them is not disturbed."""
    store = SqliteRequests.open(journal.folder)
    store.add("close", 1, {"callbacks": [], "why": ""})
    store.close()
    first, second = SqliteWatchlist(journal.folder), SqliteWatchlist(journal.folder)
    first.track("swaps", "a", 5)
    assert [one.operation_id for one in second.due("swaps", 5, 9)] == ["a"]
    first.close()
    second.close()
    assert check(journal.folder) == []
    assert len(requests(journal)) == 1


def part_of(journal: SqliteJournal) -> tuple[ReconcileProcess, FakeClock]:
    """The reconcile process's part, with a clock that can be moved."""
    document = {
        "journal": {"url": f"sqlite:{journal.folder}", "retention_days": 30},
        "sources": [
            {
                "name": "swaps",
                "provider": "onchainpay",
                "keys": [{"public": "env:PUBLIC", "secret": "env:SECRET"}],
                "poll": {},
            }
        ],
    }
    settings = build(document, "f")
    clock = FakeClock(us=int(time.time() * 1e6), monotonic=time.monotonic())
    sources = resolve_sources(settings, ENVIRON)
    return ReconcileProcess(settings, sources, journal, Lines(), all_sources=False, clock=clock), clock


def test_old_answers_are_purged_but_for_those_in_quarantine(journal: SqliteJournal, watch: SqliteWatchlist) -> None:
    """By age, once they are interpreted; closed operations are forgotten after a month."""
    part, clock = part_of(journal)
    now_us = clock.now_us()
    words = {"a": "PROCESSED", "b": "NOBODY_KNOWS", "c": "PROCESSED"}
    for identity, word in words.items():
        old_us = now_us - 31 * DAY_US if identity != "c" else now_us
        watch.answered("swaps", resource(identity, word, terminal=True), now_us=old_us, due_us=0, after=0)
    add_callback(journal, now_us)
    interpret(part, journal)
    part._follower.tidy()
    assert len(requests(journal)) == 3
    clock.advance(TIDY_S + 1)
    part._follower.tidy()
    assert [one.payload["operation"] for one in requests(journal)] == ["b", "c"]
    clock.us += CLOSED_KEPT_US
    clock.advance(TIDY_S + 1)
    part._follower.tidy()
    assert watch.open_ids("swaps") == set()
    assert watch.discover("swaps", ["a", "b", "c"], 1) == 3
    asyncio.run(part.close())


def add_callback(journal: SqliteJournal, at_us: int) -> None:
    """A callback received at this time: while none is near the clock, nothing is purged."""
    connection = sqlite.connect(journal.folder / "inbox.db")
    row = ("swaps", at_us, b"", json.dumps(swap("z", "PENDING")).encode())
    connection.execute("INSERT INTO callbacks (source, received_at_us, headers, body) VALUES (?, ?, ?, ?)", row)
    connection.close()


def interpret(part: ReconcileProcess, journal: SqliteJournal) -> None:
    """Interpret all that the journal holds."""
    sources = resolve_sources(part._settings, ENVIRON)
    rules = Rules(sources=sources, record_bytes_max=10**6, publish_body=False, log=Lines())
    with open_stores(journal, write=True) as stores:
        interpreter = Interpreter(stores=stores, rules=rules, metrics=InterpretMetrics())
        while interpreter.step():
            pass


def test_mending_an_outbox_has_undone_answers_interpreted_again(journal: SqliteJournal, watch: SqliteWatchlist) -> None:
    """Rejoin undoes records that are not on Kafka; what they came from is interpreted again, answers too."""
    part, _ = part_of(journal)
    for word in ("PENDING", "WITHDRAWING", "PROCESSED"):
        terminal = word == "PROCESSED"
        watch.answered("swaps", resource("a", word, terminal=terminal), now_us=1, due_us=0, after=0)
    interpret(part, journal)
    before = statuses(journal)
    assert [status for _, status in before] == ["pending", "sending", "completed"]
    sources = resolve_sources(part._settings, ENVIRON)
    mender = SqliteTakeOver(journal.folder)
    mender.take_over(1, [], key_of=key_of, fold=lambda events: folded(events, sources), entry_at=lambda _number: None)
    mender.close()
    assert [status for _, status in statuses(journal)] == ["pending"]
    outbox = SqliteOutbox.open(journal.folder, read_only=True)
    assert outbox.progress("requests") == Progress(1, b"")
    outbox.close()
    interpret(part, journal)
    assert [status for _, status in statuses(journal)] == ["pending", "sending", "completed"]
    assert check(journal.folder) == []
    part._watch.apply((), 99)
    assert part._follower.listen() is False
    assert part._watch.outbox_read_to() == statuses(journal)[-1][0]
    asyncio.run(part.close())


def folded(events: Any, sources: Any) -> OperationState:
    """The state that the events left behind; its rank is that of the provider's table."""
    state = fold(events, sources)
    assert state.rank == 0
    return state


def statuses(journal: SqliteJournal) -> list[tuple[int, str]]:
    """(number, status) of the outbox's records."""
    outbox = SqliteOutbox.open(journal.folder, read_only=True)
    try:
        return [(record.number, record.status) for record in outbox.read(0, 100)]
    finally:
        outbox.close()


def test_a_watch_on_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    """A file of another kind is left alone."""
    (tmp_path / "requests.db").touch()
    connection = apsw.Connection(str(tmp_path / "requests.db"))
    connection.execute("CREATE TABLE other (a)")
    connection.close()
    with pytest.raises(Exception, match="not a store of a journal"):
        SqliteWatchlist(tmp_path)
