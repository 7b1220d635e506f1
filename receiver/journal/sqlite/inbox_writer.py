"""The inbox on SQLite: group commit by one writer thread.

Theory of operation. ``append`` puts a callback into a bounded queue and waits. The event loop says when a commit
begins: once it has nothing else to do, that is when turns of it brought no more callbacks, or once enough of them wait.
The writer thread then takes all that wait, writes them with one multi-row statement, commits with one fsync, and the
loop resolves the whole batch with one call. So a lone callback waits for nobody, and a loop that is busy, however slow
the machine, shares each commit among many; two threads at work would only fight for the interpreter lock. The loop says
so during a commit too, and the next then follows at once. A refused commit refuses its whole batch, and nothing of it
is kept.

Checkpoints run on a thread and a connection of their own, passively. A WAL that is always written to never begins anew
that way, so after each of them the writer copies the few pages that came since and restarts it, between two batches and
without waiting for readers: measured at 8000/s, a p99 of 12 ms where leaving all to the writer gave 85. Where readers
keep it from that for so long that the file passes its limit, the writer truncates it.

Before and after each commit the writer asks whether the open files are still those at their paths: a callback in a file
that has no name is lost, whatever SQLite says. After a commit that failed it tries one of its own from time to time, so
that a service which nobody calls any more, because it said that it is down, finds out that it is well again.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

import apsw

from receiver.journal.ports import InboxFigures, InboxLimits
from receiver.journal.sealed import NO_KEYS, Keyring
from receiver.journal.sqlite import store as sqlite
from receiver.journal.sqlite.inbox_health import InboxHealth
from receiver.journal.sqlite.inbox_rows import Binding, days_in, plain_bindings, sealed_bindings
from receiver.journal.sqlite.seals import Seals
from receiver.journal.sqlite.statements import named_queries
from receiver.model.callback import VerifiedCallback
from receiver.model.errors import JournalError, StoreFailed, Unavailable
from receiver.model.times import DAY_US, day_of

STORE = "inbox"
FILE = "inbox.db"
STATEMENT_ROWS_MAX = 64
"""Rows in one INSERT: one statement per size is cached, and a larger one gains little."""
BATCH_MAX = 1024
"""Callbacks in one commit: bounds the time a callback waits for the one before it."""
BATCH_AT_ONCE, QUIET_TURNS = 48, 2
"""So many callbacks begin a commit at once; fewer do where so many turns of the event loop brought no more. Measured
with a new connection each, where a wait of 1.5 ms above 4000 callbacks a second did the same until then: RESULTS.md."""
HOUSEKEEPING_S = 0.25
"""Between two looks at the disk, the open files and the WAL."""
TRIAL_S = 1.0
"""Between two commits of the writer's own while the last one failed."""
FORGET_S = 1.0
"""After the last step of a purge the WAL is emptied: what was deleted is overwritten in the database alone."""
CHECKPOINT_BYTES = 4 * 1024 * 1024
PAGE_BYTES = 4096

SQL = named_queries(STORE)
ROW, SEALED_ROW = "(?, ?, ?, ?)", "(?, ?, ?, ?, ?)"
APPEND, APPEND_SEALED = SQL["append"].removesuffix(ROW), SQL["append_sealed"].removesuffix(SEALED_ROW)
"""Up to the rows."""

T = TypeVar("T")
Waiting = tuple[VerifiedCallback, "asyncio.Future[int]"]


class SqliteInbox:
    """``ports.Inbox`` in ``inbox.db`` of the journal's folder; the only writer there is."""

    def __init__(self, folder: Path, limits: InboxLimits, vfs: str | None = None, ring: Keyring = NO_KEYS) -> None:
        self._path = folder / FILE
        self._limits = limits
        self._vfs = vfs
        self._ring = ring
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Waiting] = deque()
        self._purges: deque[tuple[Sequence[int], asyncio.Future[None]]] = deque()
        self._bell: SimpleQueue[None] = SimpleQueue()
        """What the writer waits for."""
        self._planned = False
        """Whether the loop is about to look at what waits; it, and what follows, is the loop's alone."""
        self._seen = self._quiet = 0
        self._rung = False
        """Whether the writer is still to take what waits: set before the bell is rung, cleared before it is taken."""
        self._closing = False
        self._db: apsw.Connection | None = self._open()
        self._health = InboxHealth(self._path, limits.disk_free_bytes_min)
        self._trial = False
        """Whether the writer is to try a commit of its own."""
        self._purged_s: float | None = None
        """When callbacks were deleted whose bytes still stand in the WAL."""
        self._copied = False
        """Whether nearly all of a WAL worth it was just copied into the database."""
        self.commits = 0
        self.last_committed = 0
        """The number of the callback that was committed last; 0 where none was since the start."""
        self._health.look()
        self._writer = threading.Thread(target=self._write, name="inbox-writer", daemon=True)
        self._keeper = threading.Thread(target=self._keep, name="inbox-keeper", daemon=True)
        self._stop_keeper = threading.Event()
        self._writer.start()
        self._keeper.start()

    async def append(self, callback: VerifiedCallback) -> int:
        """Commit the callback with an fsync and give its number; raises ``Unavailable``."""
        why = self.accepting()
        if why is not None:
            raise Unavailable(why)
        future: asyncio.Future[int] = self._loop.create_future()
        self._queue.append((callback, future))
        self._plan()
        return await future

    async def purge(self, numbers: Sequence[int]) -> None:
        """Delete callbacks, between two commits; raises ``Unavailable`` with all of them still there."""
        future: asyncio.Future[None] = self._loop.create_future()
        self._purges.append((numbers, future))
        self._plan()
        await future

    def accepting(self) -> str | None:
        """None while callbacks are taken, else why not."""
        if self._closing:
            return "stopping"
        if len(self._queue) >= self._limits.queue_max:
            return "queue_full"
        return self._health.refusal() if self._writer.is_alive() else "writer_died"

    def trouble(self) -> str | None:
        """What is wrong, for people: why callbacks are refused, or what SQLite said when a commit failed."""
        refusal = self.accepting()
        return refusal if refusal in {"stopping", "queue_full", "writer_died"} else self._health.trouble()

    def figures(self) -> InboxFigures:
        """How it is at this moment."""
        health = self._health
        return InboxFigures(len(self._queue), self.last_committed, health.disk_free_bytes, health.wal_bytes)

    def close(self) -> None:
        """Take nothing more, commit what waits, checkpoint, and let go."""
        self._closing = True
        self._bell.put(None)
        self._writer.join()
        self._stop_keeper.set()
        self._keeper.join()
        if self._db is not None:
            forget = self._purged_s is not None
            with contextlib.suppress(apsw.Error):
                self._db.set_busy_timeout(0)
                self._db.wal_checkpoint(
                    mode=apsw.SQLITE_CHECKPOINT_TRUNCATE if forget else apsw.SQLITE_CHECKPOINT_PASSIVE
                )
            self._db.close()

    def _open(self) -> apsw.Connection:
        connection = sqlite.open_store(self._path, STORE, read_only=False, vfs=self._vfs)
        self._seals = Seals(connection, STORE, self._ring)
        return connection

    def _plan(self) -> None:
        if not self._planned and not self._rung:
            self._planned = True
            self._seen, self._quiet = len(self._queue), 0
            self._loop.call_soon(self._await_more)

    def _await_more(self) -> None:
        waiting = len(self._queue)
        self._seen, self._quiet = waiting, 0 if waiting > self._seen else self._quiet + 1
        if waiting < BATCH_AT_ONCE and self._quiet < QUIET_TURNS:
            self._loop.call_soon(self._await_more)
            return
        self._planned, self._rung = False, True
        self._bell.put(None)

    def _write(self) -> None:
        more = closing = False
        while more or not closing:
            if not more:
                self._bell.get()
            self._rung = False
            closing = self._closing  # from then on nothing is added: what is taken after this look is the rest
            more = self._take()

    def _take(self) -> bool:
        # One commit, and what the writer does beside it; whether there is more that nobody will ring for.
        batch = [self._queue.popleft() for _ in range(min(len(self._queue), BATCH_MAX))]
        if batch:
            self._tell(self._commit_batch(batch))
        elif self._trial:
            self._try_commit()
        # Callers are being answered while the disk is busy with what nobody waits for.
        if self._purges:
            self._tell(self._purge(*self._purges.popleft()))
        self._tend_wal()
        return len(batch) == BATCH_MAX or bool(self._purges) or (self._closing and bool(self._queue))

    def _tell(self, outcome: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(outcome)

    def _commit_batch(self, batch: Sequence[Waiting]) -> Callable[[], None]:
        # Gives what the loop is to do about it, as ``_purge`` does.
        first = self._attempt(partial(self._commit, [callback for callback, _ in batch]))
        return partial(_resolve, batch, first)

    def _try_commit(self) -> None:
        self._trial = False
        self._attempt(lambda: self._connection().execute(SQL["trial"]))

    def _attempt(self, commit: Callable[[], T]) -> T | None:
        # None where it failed. Whatever went wrong is kept for people, and the writer lives on: callers would wait for
        # a dead one until they give up.
        self._health.begin_commit()
        error: Exception | None = None
        try:
            return commit()
        except Exception as failure:  # noqa: BLE001
            error = failure
            self._reopen()
            return None
        finally:
            self._health.end_commit(error)

    def _need_files(self) -> None:
        fault = self._health.files_fault()
        if fault is not None:
            raise StoreFailed(fault)

    def _connection(self) -> apsw.Connection:
        if self._db is None:
            self._db = self._open()
            self._health.reopened()
        self._need_files()
        return self._db

    def _commit(self, callbacks: list[VerifiedCallback]) -> int:
        db = self._connection()
        insert, bindings, width = self._statement(db, callbacks)
        if len(callbacks) <= STATEMENT_ROWS_MAX:
            db.execute(insert(len(callbacks)), bindings)  # a single statement is a transaction of its own
        else:
            with sqlite.transaction(db):
                for start in range(0, len(callbacks), STATEMENT_ROWS_MAX):
                    rows = min(STATEMENT_ROWS_MAX, len(callbacks) - start)
                    db.execute(insert(rows), bindings[start * width : (start + rows) * width])
        self._need_files()  # else they are in a file without a name
        last = self.last_committed = db.last_insert_rowid()
        self.commits += 1
        return last - len(callbacks) + 1

    def _statement(
        self, db: apsw.Connection, callbacks: list[VerifiedCallback]
    ) -> tuple[Callable[[int], str], list[Binding], int]:
        # (statement for so many rows, bindings of all rows, how many a row has). What is sealed is bound to its number,
        # so the number is given here; there is no other writer that could take it, and if there were, nothing is kept.
        if not self._seals.sealing:
            return partial(_rows, APPEND, ROW), plain_bindings(callbacks), 4
        self._seals.prepare(day_of(day * DAY_US) for day in days_in(callbacks))
        first = next((int(row[0]) for row in list[Any](db.execute(SQL["last_number"]))), 0) + 1
        return partial(_rows, APPEND_SEALED, SEALED_ROW), sealed_bindings(self._seals, first, callbacks), 5

    def _purge(self, numbers: Sequence[int], future: asyncio.Future[None]) -> Callable[[], None]:
        failed: Unavailable | None = None
        try:
            db = self._connection()
            with sqlite.transaction(db):
                db.executemany(SQL["purge"], ((number,) for number in numbers))
            self._purged_s = time.monotonic()
        except (apsw.Error, StoreFailed, JournalError, OSError):
            self._reopen()
            failed = Unavailable("purge_failed")

        def resolve() -> None:
            if not future.done():
                future.set_exception(failed) if failed else future.set_result(None)

        return resolve

    def _reopen(self) -> None:
        # After an I/O error the connection's idea of the file may be wrong; a new one reads what is really there. But a
        # file whose name is gone can be put back only while it is open, and another one in its place is not ours.
        if self._db is not None and self._health.files_fault() is None:
            self._health.closing()
            with contextlib.suppress(apsw.Error):
                self._db.close()
            self._db = None

    def _tend_wal(self) -> None:
        # Whatever happens here, what was committed is, and its callers are being answered.
        health = self._health
        full = health.wal_bytes > self._limits.wal_bytes_max or self._to_forget()
        if self._db is None or not (full or self._copied) or health.refusal() == "files_gone":
            return
        self._copied = False
        with contextlib.suppress(apsw.Error):
            self._db.set_busy_timeout(0)
            try:
                self._db.wal_checkpoint(
                    mode=apsw.SQLITE_CHECKPOINT_TRUNCATE if full else apsw.SQLITE_CHECKPOINT_RESTART
                )
                health.wal_bytes = 0
                self._purged_s = None if full else self._purged_s
            finally:
                self._db.set_busy_timeout(sqlite.BUSY_TIMEOUT_MS)

    def _to_forget(self) -> bool:
        # Not after each step of a purge, and again where a reader kept the log from being emptied.
        return self._purged_s is not None and time.monotonic() - self._purged_s > FORGET_S

    def _keep(self) -> None:
        tried_s = time.monotonic()
        while not self._stop_keeper.wait(HOUSEKEEPING_S):
            self._health.look()
            if self._health.failing and time.monotonic() - tried_s > TRIAL_S:
                tried_s = time.monotonic()
                self._trial = True
                self._bell.put(None)
            if self._to_forget():
                self._bell.put(None)
            if self._health.wal_bytes > CHECKPOINT_BYTES and self._health.refusal() != "files_gone":
                self._copy_wal()

    def _copy_wal(self) -> None:
        with contextlib.suppress(apsw.Error, StoreFailed, JournalError):
            connection = sqlite.connect(self._path, vfs=self._vfs)
            try:
                pages, _ = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
                self._copied = pages * PAGE_BYTES > CHECKPOINT_BYTES
            finally:
                connection.close()


def _resolve(batch: Sequence[Waiting], first: int | None) -> None:
    for place, (_, future) in enumerate(batch):
        if future.done():
            continue  # its request was cancelled; the callback is kept all the same
        if first is None:
            future.set_exception(Unavailable("commit_failed"))
        else:
            future.set_result(first + place)


def _rows(statement: str, row: str, count: int) -> str:
    return statement + ",".join([row] * count)
