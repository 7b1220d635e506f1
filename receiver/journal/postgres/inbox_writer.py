"""The inbox on PostgreSQL, to append to: group commit over a few connections, on the callers' event loop.

Theory of operation. ``append`` puts a callback into a bounded queue and waits. Once the loop has nothing else to do, or
enough of them wait, a free *lane* takes all that wait and writes them with one statement, which is one commit. A lane
has one connection; two of them keep a second commit under way while the first waits for the disk. So a lone callback
waits for nobody, and a busy loop shares each commit among many.

A commit counts only where as many numbers come back as rows went, and no warning came with them: a wait for a replica
that an operator called off ends as success with a warning. Whatever else goes wrong, of whatever class, the connection
is ended and another one opened, and what was in the commit is appended again, until its caller has waited for
``commit_timeout_s``: then it is told 503. A callback that is there twice then is a duplicate, as a provider's own
repeat is.

A commit that failed is in doubt for all that follow: a disk is full, a right was taken away, a replica does not answer.
So after one a new connection is first tried with a row that nobody sees, and until that works it is said what is wrong.

With each new connection a lane asks whether the last callback that was acknowledged is still there: where it is not, or
is another one, a server took over that never had it. That is told, and the service goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from receiver.journal.ports import InboxFigures, InboxLimits
from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connecting import Connection, connect, said
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.inbox_append import Appended, Appender, UnsafeCommit
from receiver.journal.postgres.seals import Seals
from receiver.journal.postgres.sharing import FixedSlot
from receiver.journal.postgres.statements import named_queries
from receiver.journal.sealed import NO_KEYS, Keyring
from receiver.journal.sharing import SourceSlots
from receiver.model.callback import VerifiedCallback
from receiver.model.errors import JournalError, StoreFailed, Unavailable

BATCH_MAX = 1000
"""Callbacks in one commit: below 1024, so that their places fit into their numbers."""
BATCH_AT_ONCE, QUIET_TURNS = 48, 2
"""So many callbacks begin a commit at once; fewer do where so many turns of the event loop brought no more."""
RETRY_S, RETRY_S_MAX = 0.1, 1.0
"""Between two tries to connect; doubled with each, and shortened by chance, so that not all processes come at once."""
CLOSE_S = 10.0
SQL = named_queries("inbox")


@dataclass(slots=True, eq=False)
class Waiting:
    """A callback and who waits for it."""

    callback: VerifiedCallback
    future: asyncio.Future[int]
    timer: asyncio.TimerHandle


class PostgresInbox:
    """``ports.Inbox``; one of any number of writers. ``close`` is called from another thread than the loop's."""

    def __init__(
        self,
        address: Address,
        limits: InboxLimits,
        ring: Keyring = NO_KEYS,
        slot_of: SourceSlots = FixedSlot(0),  # noqa: B008  it cannot change
    ) -> None:
        """``slot_of`` gives the slot of a source's callbacks, and is renewed with each connection.

        Called in a running event loop.
        """
        self._address = address
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._keys = Database(address, "inbox keys")
        self._appender = Appender(address, Seals(self._keys, "inbox", ring), slot_of)
        self._queue: deque[Waiting] = deque()
        self._ready = asyncio.Event()
        """Set while there is something that lanes should take."""
        self._planned = False
        self._seen = self._quiet = 0
        self._closing = False
        self._trouble: str | None = None
        """What the database said last, where the last try failed."""
        self._failing_since_s: float | None = None
        self._in_doubt = False
        """Whether the last commit failed, so that a new connection proves little."""
        self._full = False
        self._last: Appended | None = None
        self._lost_after = 0
        self._purging: Connection | None = None
        self._one_purge = asyncio.Lock()
        self.commits = self.reconnects = self._unsafe_commits = 0
        self._lanes = [asyncio.ensure_future(self._lane()) for _ in range(address.options.connections)]

    async def append(self, callback: VerifiedCallback) -> int:
        """Commit the callback and give its number; raises ``Unavailable``."""
        why = self.accepting()
        if why is not None:
            raise Unavailable(why)
        future: asyncio.Future[int] = self._loop.create_future()
        timer = self._loop.call_later(self._address.options.commit_timeout_s, _too_late, future)
        self._queue.append(Waiting(callback, future, timer))
        self._plan()
        try:
            return await future
        finally:
            timer.cancel()

    async def purge(self, numbers: Sequence[int]) -> None:
        """Delete callbacks; raises ``Unavailable`` with all of them still there."""
        async with self._one_purge:
            try:
                if self._purging is None or self._purging.is_closed():
                    self._purging = await connect(self._address, "inbox purge")
                await self._appender.run(self._purging, SQL["purge"], list(numbers))
            except Exception:  # noqa: BLE001  the driver's are of many classes, and each leaves the connection in doubt
                connection, self._purging = self._purging, None
                if connection is not None:
                    connection.terminate()
                raise Unavailable("purge_failed") from None

    def accepting(self) -> str | None:
        """None while callbacks are taken, else why not."""
        if self._closing:
            return "stopping"
        if len(self._queue) >= self._limits.queue_max:
            return "queue_full"
        if self._full:
            return "database_full"
        down_s = 0.0 if self._failing_since_s is None else time.monotonic() - self._failing_since_s
        return "database_down" if down_s > self._address.options.commit_timeout_s else None

    def trouble(self) -> str | None:
        """What is wrong, for people: why callbacks are refused, or what the database said when a commit failed."""
        refusal = self.accepting()
        return refusal if refusal in {"stopping", "queue_full"} else self._trouble

    def figures(self) -> InboxFigures:
        """How it is at this moment."""
        last = self._last.number if self._last else 0
        return InboxFigures(len(self._queue), last, unsafe_commits=self._unsafe_commits, lost_after=self._lost_after)

    def close(self) -> None:
        """Take nothing more, commit what waits, and let go."""
        self._closing = True
        if self._loop.is_running():
            asyncio.run_coroutine_threadsafe(self._finish(), self._loop).result()
        self._keys.close()

    async def _finish(self) -> None:
        self._ready.set()
        _, still = await asyncio.wait(self._lanes, timeout=self._address.options.commit_timeout_s + CLOSE_S)
        for lane in still:
            lane.cancel()
        for one in self._queue:
            _refuse(one, "stopping")
        if self._purging is not None:
            with contextlib.suppress(Exception):
                await self._purging.close(timeout=1)

    def _plan(self) -> None:
        if not self._planned and not self._ready.is_set():
            self._planned = True
            self._seen, self._quiet = len(self._queue), 0
            self._loop.call_soon(self._await_more)

    def _await_more(self) -> None:
        waiting = len(self._queue)
        self._seen, self._quiet = waiting, 0 if waiting > self._seen else self._quiet + 1
        if waiting < BATCH_AT_ONCE and self._quiet < QUIET_TURNS:
            self._loop.call_soon(self._await_more)
            return
        self._planned = False
        self._ready.set()

    def _take(self) -> list[Waiting]:
        # All that waits, without those whose callers were answered already; the next lane begins when more have come.
        batch: list[Waiting] = []
        while self._queue and len(batch) < BATCH_MAX:
            one = self._queue.popleft()
            if not one.future.done():
                batch.append(one)
        if not self._queue and not self._closing:
            self._ready.clear()
        return batch

    async def _lane(self) -> None:
        # One connection after the other, for as long as it takes.
        wait_s = RETRY_S
        connection: Connection | None = None
        while True:
            try:
                connection = await self._opened()
                wait_s = RETRY_S
                await self._serve(connection)
                await connection.close(timeout=1)
            except Exception as error:  # noqa: BLE001  the driver's are of many classes
                self._note_failure(error)
            else:
                return
            finally:
                if connection is not None and not connection.is_closed():
                    connection.terminate()
                connection = None
            if self._closing and not any(not one.future.done() for one in self._queue):
                return
            await asyncio.sleep(wait_s * random.uniform(0.5, 1))  # noqa: S311  no secret
            wait_s = min(2 * wait_s, RETRY_S_MAX)

    async def _opened(self) -> Connection:
        connection = await connect(self._address, "inbox")
        try:
            await self._appender.begin(connection)
            if self._in_doubt:
                await self._appender.try_it(connection)
            if self._last is not None and not await self._appender.has(connection, self._last):
                self._lost_after = self._last.number
        except BaseException:
            connection.terminate()
            raise
        self._well()
        self.reconnects += 1
        return connection

    async def _serve(self, connection: Connection) -> None:
        # Until the inbox is closed and all that waits is committed; raises whatever a commit does.
        while True:
            await self._ready.wait()
            batch = self._take()
            if not batch and self._closing and not self._queue:
                return
            if batch:
                await self._commit(connection, batch)

    async def _commit(self, connection: Connection, batch: list[Waiting]) -> None:
        try:
            numbers = await self._appender.append(connection, [one.callback for one in batch])
        except UnsafeCommit:
            self._unsafe_commits += 1
            for one in batch:
                _refuse(one, "commit_unsafe")
            self._in_doubt = True
            raise
        except BaseException:
            self._queue.extendleft(reversed(batch))
            self._in_doubt = True
            self._plan()
            raise
        self._well()
        self.commits += 1
        last = Appended(
            self._appender.slot_of(batch[-1].callback.source), numbers[-1], batch[-1].callback.received_at_us
        )
        if self._last is None or last.number > self._last.number:
            self._last = last
        for one, number in zip(batch, numbers, strict=True):
            if not one.future.done():
                one.future.set_result(number)

    def _well(self) -> None:
        self._failing_since_s = self._trouble = None
        self._in_doubt = self._full = False

    def _note_failure(self, error: Exception) -> None:
        why = str(error) if isinstance(error, StoreFailed | JournalError) else said(error)
        self._full = isinstance(error, asyncpg.DiskFullError)
        self._trouble = f"{'database_full' if self._full else 'inbox'}: {why}"
        if self._failing_since_s is None:
            self._failing_since_s = time.monotonic()


def _refuse(one: Waiting, why: str) -> None:
    if not one.future.done():
        one.future.set_exception(Unavailable(why))


def _too_late(future: asyncio.Future[int]) -> None:
    if not future.done():
        future.set_exception(Unavailable("commit_failed"))
