"""Sessions of a database that are kept for the next test that wants one of the same name, instead of ended.

Most tests of a journal open a handful of stores, ask each of them a few things, and close them. A server then spends
far more on beginning a session, on reading its own catalogs anew and on planning each statement once more than on what
is asked. What a store has to give back is given back here too: the server resets what is left of the last owner, and a
session within a transaction, or in another thread's hands, is ended as ever.

How connections are opened, lost and closed is the subject of tests that keep none, nor have any beside them: some of
those count the sessions of a server, or end them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from receiver.journal.postgres import connection
from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connecting import Connection, connect
from receiver.journal.postgres.connection import Database, run

_idle: dict[tuple[Address, str], list[Connection]] = defaultdict(list)
"""By the place and the name that their settings are of."""
_close = Database.close
"""As it is where none is kept."""


@contextmanager
def kept_sessions() -> Iterator[None]:
    """For the body, who closes a ``Database`` leaves its session to the next one of the same name and place.

    Where the body fails all are ended: nobody uses its journal again, and what looks for a smaller example fails often.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "connect", _kept_or_new)
        patch.setattr(Database, "close", _keep)
        try:
            yield
        except BaseException:
            end_kept_sessions()
            raise


def end_kept_sessions() -> None:
    """Close them all."""
    for kept in _idle.values():
        for one in kept:
            with suppress(Exception):  # whatever the driver raises of one that its server has ended
                run(one.close(timeout=5))
    _idle.clear()


async def _kept_or_new(address: Address, name: str) -> Connection:
    kept = _idle[address, name]
    while kept:
        found = kept.pop()
        if not found.is_closed():
            return found
    return await connect(address, name)


def _keep(database: Database) -> None:
    if not database._turn.acquire(blocking=False):  # another thread is in the middle of something, as at a cancellation
        _close(database)
        return
    try:
        found = database._connection
        if found is None or found.is_closed() or found.is_in_transaction():
            _close(database)
            return
        database._connection, database._closed = None, True
        run(_given_back(found, database))
    finally:
        database._turn.release()


async def _given_back(found: Connection, database: Database) -> None:
    found.remove_log_listener(database._note)
    try:
        await found.reset(timeout=5)  # which gives back locks, cursors and listeners, and takes back what was set
    except Exception:  # noqa: BLE001  the driver's are of many classes, and each leaves the session in doubt
        found.terminate()
        return
    _idle[database.address, database._name].append(found)
