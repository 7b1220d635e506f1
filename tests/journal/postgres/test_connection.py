"""A connection that is closed stays closed, whoever still uses it."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from receiver.journal.postgres import connection
from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connecting import Connection, connect
from receiver.journal.postgres.connection import Database
from receiver.model.errors import StoreFailed

SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%late'"


def test_what_is_closed_opens_no_other_connection(address: Address) -> None:
    """A thread whose task was cancelled goes on, and nobody would close what it opens."""
    late = Database(address, "late")
    assert late.one(SESSIONS) == 1
    late.close()
    for use in (late.rows, late.execute):
        with pytest.raises(StoreFailed, match="late: it is closed"):
            use("SELECT 1")
    with pytest.raises(StoreFailed, match="late: it is closed"), late.transaction():
        pass
    late.close()


def test_who_is_just_connecting_when_it_is_closed_leaves_no_session(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's sessions are few."""
    connecting, closed = threading.Event(), threading.Event()

    async def slowly(to: Address, name: str) -> Connection:
        made = await connect(to, name)
        connecting.set()
        await asyncio.to_thread(closed.wait, 60)
        return made

    with closing(Database(address, "test")) as looking, ThreadPoolExecutor(1) as thread:
        assert looking.one(SESSIONS) == 0
        monkeypatch.setattr(connection, "connect", slowly)
        late = Database(address, "late")
        asked = thread.submit(late.one, "SELECT 1")
        assert connecting.wait(60)
        late.close()
        closed.set()
        with pytest.raises(StoreFailed, match="late: it is closed"):
            asked.result(60)
        while looking.one(SESSIONS):  # the server ends it when it comes to read of it
            pass
