"""One commit of callbacks: the statement, what counts as committed, and what is asked of a new connection."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connecting import Connection
from receiver.journal.postgres.connection import begin
from receiver.journal.postgres.inbox_rows import seal_content
from receiver.journal.postgres.seals import Seals
from receiver.journal.postgres.statements import named_queries
from receiver.journal.postgres.text import to_kept
from receiver.journal.sharing import SourceSlots
from receiver.model.callback import VerifiedCallback, headers_to_wire
from receiver.model.errors import StoreFailed
from receiver.model.times import day_of

SQL = named_queries("inbox")


TRIED_BYTES = 16 * 1024
"""Of a row that only shows whether rows can be kept: more than fits into what is left of most pages."""


def begin_numbered(address: Address) -> str:
    """What begins an append whose number is asked for before its rows are there.

    Readers tell an append from other transactions by its lock, which must therefore be taken before its id is.
    """
    return f"{begin(address)}; {SQL['lock']}"


class UnsafeCommit(Exception):
    """The database says that it committed, and warns: a replica may lack it."""


@dataclass(frozen=True, slots=True)
class Appended:
    """The last callback that was acknowledged."""

    slot: int
    number: int
    received_at_us: int


class Appender:
    """How callbacks are appended over a connection; what several lanes share."""

    def __init__(self, address: Address, seals: Seals, slot_of: SourceSlots) -> None:
        self.slot_of = slot_of
        self._address = address
        self._seals = seals
        self._warned: set[int] = set()
        """Connections, by their ids, on which a warning came since their last commit began."""
        self._era = 0
        self._preparing = asyncio.Lock()

    async def begin(self, connection: Connection) -> None:
        """Learn the era, and where each source's callbacks go; raises ``StoreFailed`` where numbers would not rise.

        An account is moved to another slot with a new era. So the era is asked for first, and is not believed before
        the slots are known: whoever learned the slots before a move is refused after it.
        """
        connection.add_log_listener(self._note)
        era = (await self.run(connection, SQL["era"]))[0][0]
        await asyncio.to_thread(self.slot_of.renew)
        self._era = era
        if not (await self.run(connection, SQL["ahead"]))[0][0]:
            raise StoreFailed(
                "the database counts its transactions anew, as after a restore from a dump: `receiver journal adopt`"
            )

    async def has(self, connection: Connection, last: Appended) -> bool:
        """Whether the callback that was acknowledged last is there, and no other one under its number."""
        rows = await self.run(connection, SQL["kept"], last.slot, last.number, last.received_at_us)
        return bool(rows[0][0])

    async def try_it(self, connection: Connection) -> None:
        """Append a row and delete it, in one transaction that is committed; raises what an ``append`` would.

        It needs what a callback needs: a right, room, and the replicas that commits wait for.
        """
        self._warned.discard(id(connection))
        timeout_s = self._address.options.commit_timeout_s
        await connection.execute(begin(self._address), timeout=timeout_s)
        tried = await connection.fetch(SQL["try_append"], bytes(TRIED_BYTES), timeout=timeout_s)
        for row in tried:
            await connection.fetch(SQL["undo_append"], *row, timeout=timeout_s)
        await connection.execute("COMMIT", timeout=timeout_s)
        self._need_no_warning(connection)

    async def append(self, connection: Connection, callbacks: Sequence[VerifiedCallback]) -> list[int]:
        """Commit them, and give their numbers, which rise; raises whatever the driver does, and ``UnsafeCommit``."""
        self._warned.discard(id(connection))
        if self._seals.sealing:
            numbers = await self._append_sealed(connection, callbacks)
        else:
            rows = await self.run(connection, SQL["append"], *self._columns(callbacks), self._era)
            numbers = [int(row[0]) for row in rows]
        self._need_no_warning(connection)
        if len(numbers) != len(callbacks):
            raise StoreFailed("another era of the journal has begun")
        return numbers

    async def run(self, connection: Connection, sql: str, *bindings: Any) -> list[asyncpg.Record]:
        """One statement, one commit."""
        timeout_s = self._address.options.commit_timeout_s
        if not self._address.pooled:
            return await connection.fetch(sql, *bindings, timeout=timeout_s)
        await connection.execute(begin(self._address), timeout=timeout_s)
        rows = await connection.fetch(sql, *bindings, timeout=timeout_s)
        await connection.execute("COMMIT", timeout=timeout_s)
        return rows

    async def _append_sealed(self, connection: Connection, callbacks: Sequence[VerifiedCallback]) -> list[int]:
        # What is sealed is bound to its number, so the transaction's id is asked for first.
        days = {day_of(callback.received_at_us) for callback in callbacks}
        async with self._preparing:
            if self._seals.lacking(days):
                await asyncio.to_thread(self._seals.prepare, days)
        timeout_s = self._address.options.commit_timeout_s
        await connection.execute(begin_numbered(self._address), timeout=timeout_s)
        first = await connection.fetchval(SQL["first_number"], timeout=timeout_s)
        numbers = list(range(first, first + len(callbacks)))
        sealed = [seal_content(self._seals, number, one) for number, one in zip(numbers, callbacks, strict=True)]
        era, (sources, times, *_, slots) = self._era, self._columns(callbacks)
        rows = await connection.fetch(
            SQL["append_sealed"], numbers, sources, times, sealed, slots, era, timeout=timeout_s
        )
        await connection.execute("COMMIT", timeout=timeout_s)
        return [int(row[0]) for row in rows]

    def _columns(self, callbacks: Sequence[VerifiedCallback]) -> list[list[Any]]:
        return [
            [to_kept(one.source) for one in callbacks],
            [one.received_at_us for one in callbacks],
            [headers_to_wire(one.headers) for one in callbacks],
            [one.body for one in callbacks],
            [self.slot_of(one.source) for one in callbacks],
        ]

    def _need_no_warning(self, connection: Connection) -> None:
        if id(connection) in self._warned:
            raise UnsafeCommit("the database warned at a commit: a replica may lack it")

    def _note(self, connection: Any, message: Any) -> None:
        if message.severity_en == "WARNING":
            self._warned.add(id(connection))
