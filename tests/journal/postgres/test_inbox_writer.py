"""What counts as committed, and what a pool between us and the server must not break."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from receiver.journal.handle import Journal
from receiver.journal.ports import InboxLimits
from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.journal import find_journal
from receiver.model.errors import StoreFailed, Unavailable
from tests.chaos.service import until
from tests.consume.postgres import as_anybody
from tests.contract.journal.samples import batch, callback, event
from tests.ports import free_port

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
CALL_OFF = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"

END_SESSIONS = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'receiver inbox'"


@contextmanager
def a_replica_that_never_answers(database: Database) -> Iterator[None]:
    """Every commit of the server waits for it meanwhile."""
    database.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    database.execute("SELECT pg_reload_conf()")
    try:
        until(lambda: bool(database.one("SELECT current_setting('synchronous_standby_names')") == "nobody"))
        yield
    finally:
        database.execute("ALTER SYSTEM RESET synchronous_standby_names")
        database.execute("SELECT pg_reload_conf()")
        until(lambda: not database.one("SELECT current_setting('synchronous_standby_names')"))


async def test_a_wait_for_a_replica_that_was_called_off_is_no_commit(address: Address) -> None:
    """PostgreSQL says that it succeeded, and warns: the caller is told 503, and the provider comes again."""
    journal = find_journal(address)
    with closing(Database(address, "test")) as database:
        inbox = journal.inbox_writer(InboxLimits())
        await inbox.append(callback(1))
        with a_replica_that_never_answers(database):
            waiting = asyncio.ensure_future(inbox.append(callback(2)))
            await asyncio.to_thread(until, lambda: bool(database.one(WAITING)))
            assert await asyncio.to_thread(database.one, CALL_OFF)
            with pytest.raises(Unavailable, match="commit_unsafe"):
                await waiting
        assert inbox.figures().unsafe_commits == 1
        assert await inbox.append(callback(3))
        await asyncio.to_thread(inbox.close)


async def test_nor_is_a_batch_whose_wait_was_called_off(address: Address) -> None:
    """Whoever wrote it looks where the outbox stands before it writes again."""
    with closing(Database(address, "test")) as database, closing(find_journal(address).outbox(write=True)) as outbox:
        outbox.last_number()
        with a_replica_that_never_answers(database):
            waiting = asyncio.ensure_future(asyncio.to_thread(outbox.commit, batch([event(1)])))
            await asyncio.to_thread(until, lambda: bool(database.one(WAITING)))
            assert await asyncio.to_thread(database.one, CALL_OFF)
            with pytest.raises(StoreFailed, match="replication"):
                await waiting


async def test_a_server_that_lacks_what_was_answered_is_noticed(address: Address) -> None:
    """As after a failover to a replica that was behind; callbacks go on being taken."""
    with closing(Database(address, "test")) as database:
        inbox = find_journal(address).inbox_writer(InboxLimits())
        await inbox.append(callback(1))
        database.rows(END_SESSIONS)
        last = await inbox.append(callback(2))
        assert inbox.figures().lost_after == 0
        database.execute("DELETE FROM callbacks")
        database.rows(END_SESSIONS)
        assert await inbox.append(callback(3)) > last
        assert inbox.figures().lost_after == last
        assert inbox.trouble() is None
        await asyncio.to_thread(inbox.close)


@pytest.fixture
def pooled(address: Address, tmp_path: Path) -> Iterator[Journal]:
    """A journal behind PgBouncer, which gives each transaction one of two sessions."""
    program = shutil.which("pgbouncer")
    if program is None:
        pytest.skip("PgBouncer is needed: on Debian the package pgbouncer")
    shared = Path(tempfile.gettempdir())
    for folder in (tmp_path, *tmp_path.parents):  # how many there are depends on how many workers run
        if shared in folder.parents:
            folder.chmod(0o755)
    server, port = urlsplit(address.url), free_port()
    (tmp_path / "users").write_text(f'"{server.username}" ""\n')
    (tmp_path / "ini").write_text(
        f"[databases]\npostgres = host={server.hostname} port={server.port} dbname=postgres\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = trust\nunix_socket_dir =\n"
        f"auth_file = {tmp_path}/users\npool_mode = transaction\ndefault_pool_size = 2\n"
    )
    process = subprocess.Popen([program, "-q", str(tmp_path / "ini")], stderr=subprocess.DEVNULL, **as_anybody())
    try:
        through = replace(address, url=f"postgresql://{server.username}@127.0.0.1:{port}/postgres", pooled=True)
        until(lambda: process.poll() is not None or _answers(through))
        assert process.poll() is None, "it did not start"
        yield find_journal(through)
    finally:
        process.terminate()
        process.wait(20)


def _answers(address: Address) -> bool:
    with closing(Database(address, "test")) as database:
        try:
            return bool(database.one("SELECT 1"))
        except StoreFailed:
            return False


async def test_a_pool_that_gives_each_transaction_another_session(pooled: Journal) -> None:
    """Nothing is prepared, and each transaction brings its settings along: two writers, two readers, an outbox."""
    writers = [pooled.inbox_writer(InboxLimits()) for _ in range(2)]
    numbers = await asyncio.gather(*(writers[at % 2].append(callback(at)) for at in range(200)))
    with closing(pooled.inbox()) as reader, closing(pooled.outbox(write=True)) as outbox:
        found = await asyncio.to_thread(reader.read, 0, 1000)
        assert [entry.number for entry in found] == sorted(numbers)
        await asyncio.to_thread(outbox.commit, batch([event(1), event(2)], follows=(0, 0)))
        assert len(await asyncio.to_thread(outbox.read, 0, 10)) == 2
    for writer in writers:
        await asyncio.to_thread(writer.close)
