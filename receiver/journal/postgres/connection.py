"""How PostgreSQL is spoken to: the driver's connections, and a way to use them from any thread.

Theory of operation. The driver is asynchronous, and the stores of a journal are not: their callers want an answer
before they go on, often on the thread of an event loop. So each process has one more thread with a loop of its own, on
which all connections of its stores live; a store hands a statement over and waits. (The inbox's writer alone is
asynchronous, and its connections live on the loop of its callers.)

Any exception of the driver, of whatever class, ends its connection: after some of them its idea of the session is
wrong. The next statement opens another one. A store that lost its connection within a transaction says so with
``StoreFailed``, and nothing of the transaction is kept, or all of it where only the answer to COMMIT was lost: who
wrote reads where it stands before it writes again.

A commit that waits for a replica can be called off by an operator, and then reports success with a warning. So a
warning beside a write is a failure.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import asyncpg

from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connecting import CONNECT_TIMEOUT_S, Connection, connect, is_away, said
from receiver.journal.postgres.text import binding, row_of
from receiver.model.errors import JournalError, ReceiverError, StoreAway, StoreFailed

READ_TIMEOUT_S = 60.0
"""For what people ask; the service's own statements take milliseconds."""

T = TypeVar("T")
Row = tuple[Any, ...]
_LOCK = threading.Lock()
_LOOPS: dict[int, asyncio.AbstractEventLoop] = {}
"""By process id: a thread does not outlive a fork."""


def begin(address: Address) -> str:
    """What begins a transaction; behind a pool each has another session, and brings its settings along."""
    if not address.pooled:
        return "BEGIN"
    return (
        f"BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL search_path = {address.schema};"
        " SET LOCAL synchronous_commit = on; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0"
    )


def _loop() -> asyncio.AbstractEventLoop:
    with _LOCK:
        found = _LOOPS.get(os.getpid())
        if found is None:
            found = _LOOPS[os.getpid()] = asyncio.new_event_loop()
            threading.Thread(target=found.run_forever, name="postgres", daemon=True).start()
        return found


def run(work: Coroutine[Any, Any, T]) -> T:
    """Have it done on the process's loop for databases, and wait for it."""
    return asyncio.run_coroutine_threadsafe(work, _loop()).result()


class Database:
    """One connection, opened when it is needed. Threads that use it at once take turns, a whole transaction each."""

    def __init__(self, address: Address, name: str, timeout_s: float | None = READ_TIMEOUT_S) -> None:
        """``timeout_s`` is for each statement; None where it may take its time."""
        self.address = address
        self._name = name
        self._timeout_s = timeout_s
        self._connection: Connection | None = None
        self._closed = False
        self._in_transaction = False
        self._turn = threading.RLock()
        self._warnings: list[str] = []

    def rows(self, sql: str, *bindings: Any) -> list[Row]:
        """Run one statement and give its rows; raises ``StoreFailed``, ``JournalError`` where the tables are not there.

        Outside ``transaction`` it is one of its own.
        """
        given = [binding(one) for one in bindings]
        with self._turn:
            alone = self.address.pooled and not self._in_transaction
            if not self._in_transaction:
                self._warnings.clear()
            found = self._do(lambda: self._fetch_alone(sql, given) if alone else self._fetch(sql, given))
            if not self._in_transaction:
                self._need_no_warning()
        return [row_of(row) for row in found]

    def rows_within(self, ms: float, sql: str, *bindings: Any) -> list[Row] | None:
        """The rows of one statement that only reads, which the server ends after so many ms; None where it did."""
        given = [binding(one) for one in bindings]
        with self._turn:
            found = self._do(lambda: self._fetch_within(ms, sql, given))
        return None if found is None else [row_of(row) for row in found]

    def one(self, sql: str, *bindings: Any) -> Any:
        """The first value of the first row; None where there is none."""
        return next((row[0] for row in self.rows(sql, *bindings)), None)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run the body in one transaction, whole or not at all; raises as ``rows`` does."""
        with self._turn:
            self._warnings.clear()
            self._do(lambda: self._execute(begin(self.address)))
            self._in_transaction = True
            try:
                yield
                self._do(lambda: self._execute("COMMIT"))
            except BaseException:
                if self._connection is not None:
                    with contextlib.suppress(ReceiverError):
                        self._do(lambda: self._execute("ROLLBACK"))
                raise
            finally:
                self._in_transaction = False
            self._need_no_warning()

    def execute(self, script: str) -> None:
        """Run statements without bindings, as of a migration."""
        with self._turn:
            self._do(lambda: self._execute(script))

    def close(self) -> None:
        """Give the connection back for good: a thread that still uses it, and for which nobody waits, opens none."""
        self._closed = True
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                run(connection.close(timeout=CONNECT_TIMEOUT_S))

    def _do(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        try:
            if self._connection is None and self._in_transaction:
                raise StoreFailed(f"{self._name}: the connection was lost")
            return run(work())
        except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError) as error:
            self._drop()
            raise JournalError(no_journal(self.address)) from error
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
            self._drop()
            raised = StoreAway if is_away(error) else StoreFailed
            raise raised(f"{self._name}: {said(error)}") from error

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            _loop().call_soon_threadsafe(connection.terminate)

    async def _opened(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            if self._in_transaction:
                raise OSError("the connection was lost")
            self._need_open()
            self._connection = connection = await connect(self.address, self._name)
            if self._closed:
                connection.terminate()
                self._need_open()
            connection.add_log_listener(self._note)
        return self._connection

    def _need_open(self) -> None:
        if self._closed:
            raise StoreFailed(f"{self._name}: it is closed")

    async def _fetch(self, sql: str, bindings: list[Any]) -> list[asyncpg.Record]:
        connection = await self._opened()
        return await connection.fetch(sql, *bindings, timeout=self._timeout_s)

    async def _fetch_alone(self, sql: str, bindings: list[Any]) -> list[asyncpg.Record]:
        await self._execute(begin(self.address))
        found = await self._fetch(sql, bindings)
        await self._execute("COMMIT")
        return found

    async def _fetch_within(self, ms: float, sql: str, bindings: list[Any]) -> list[asyncpg.Record] | None:
        await self._execute(f"{begin(self.address)}; SET LOCAL statement_timeout = {max(1, int(ms))}")
        try:
            found = await self._fetch(sql, bindings)
        except asyncpg.QueryCanceledError:
            await self._execute("ROLLBACK")
            return None
        await self._execute("COMMIT")
        return found

    async def _execute(self, script: str) -> None:
        connection = await self._opened()
        await connection.execute(script, timeout=self._timeout_s)

    def _note(self, _: Any, message: Any) -> None:
        if message.severity_en == "WARNING":
            self._warnings.append(str(message.message))

    def _need_no_warning(self) -> None:
        if self._warnings:
            raise StoreFailed(f"{self._name}: the database warned: {self._warnings[0]}")


def no_journal(address: Address) -> str:
    """A sentence for people."""
    return f"there is no journal in the schema {address.schema} of the database yet; `receiver journal init` makes it"
