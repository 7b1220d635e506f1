"""An old primary that comes back although a replica has taken its place: who writes where, and what is said."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from receiver.journal.ports import Inbox, InboxLimits
from receiver.journal.postgres import connecting
from receiver.journal.postgres.address import Address
from receiver.journal.postgres.inbox_writer import PostgresInbox
from receiver.journal.postgres.schema import init
from receiver.model.errors import Unavailable
from tests.chaos.postgres import Postgres, two_servers
from tests.chaos.service import until
from tests.contract.journal.samples import callback

END_SESSIONS = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'receiver inbox'"


@pytest.fixture
def servers() -> Iterator[tuple[Postgres, Postgres]]:
    """A primary, and the replica that its commits wait for."""
    with two_servers(waited_for=True) as made:
        yield made


def kept(server: Postgres) -> set[int]:
    """Times of receipt of the callbacks that a server has; a number may be another's in each of them."""
    return {int(at_us) for (at_us,) in server.run("SELECT received_at_us FROM receiver.callbacks")}


def times(*ats: int) -> set[int]:
    """Of these callbacks."""
    return {callback(at).received_at_us for at in ats}


async def append(inbox: Inbox, at: int) -> int:
    """Have one taken, as a provider does: again and again."""
    while True:
        try:
            return await inbox.append(callback(at))
        except Unavailable:
            await asyncio.sleep(0.1)


async def test_nobody_goes_back_to_an_old_primary_while_there_is_a_newer_one(
    servers: tuple[Postgres, Postgres], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands first in the list and takes writes: it is passed over. Who reaches only it gets nothing committed.

    That is so while its commits wait for a replica. Else callbacks are taken, and the last one that it lacks is named.
    """
    monkeypatch.setattr(connecting, "OTHERS_S", 10.0)  # a slow machine's
    first, second = servers
    both = Address.of(f"postgresql://receiver@127.0.0.1:{first.port},127.0.0.1:{second.port}/postgres")
    await asyncio.to_thread(init, both)
    inbox = PostgresInbox(both, InboxLimits())
    await append(inbox, 1)
    await asyncio.to_thread(first.stop, "immediate")
    await asyncio.to_thread(second.promote)
    await append(inbox, 2)
    await asyncio.to_thread(first.start)

    only_old = Address.of(first.url)
    cut_off = PostgresInbox(only_old.with_options(replace(only_old.options, commit_timeout_s=1.0)), InboxLimits())
    with pytest.raises(Unavailable):
        await cut_off.append(callback(3))
    await asyncio.to_thread(second.run, END_SESSIONS)
    later = await append(inbox, 4)
    assert kept(second) == times(1, 2, 4)
    assert inbox.figures().lost_after == 0
    await asyncio.to_thread(cut_off.close)

    first.run("ALTER SYSTEM RESET synchronous_standby_names")
    first.run("SELECT pg_reload_conf()")
    until(lambda: first.run("SHOW synchronous_standby_names") == [("",)])
    await asyncio.to_thread(second.stop, "immediate")
    await append(inbox, 5)
    assert kept(first) - times(3) == times(1, 5), "of the third nobody was told that it is kept"
    assert inbox.figures().lost_after == later
    await asyncio.to_thread(inbox.close)
