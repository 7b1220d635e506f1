"""Which host of a list is taken, whatever the others do; and how long a silent one is believed to be there."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import asyncpg
import pytest

from receiver.journal.postgres import connecting
from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connecting import connect, is_away, said
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.holding import checked
from receiver.journal.sealed import NO_KEYS
from receiver.model.errors import ConfigurationError, StoreFailed
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

STARTING = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0"
REFUSING = b"SFATAL\0VFATAL\0C28P01\0Mno such password\0\0"


@asynccontextmanager
async def a_host_that(answer: bytes | None) -> AsyncIterator[int]:
    """Listen, and answer whatever is said with an error of the protocol, or with nothing; gives the port."""
    open_: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_.append(writer)
        await reader.readexactly(8)  # whether TLS is spoken here
        if answer is not None:
            writer.write(b"N")
            await reader.read(1000)
            writer.write(b"E" + (len(answer) + 4).to_bytes(4) + answer)
            await writer.drain()
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in open_:
            writer.transport.abort()


def after(address: Address, *ports: int) -> Address:
    """The same database behind hosts that are named before it."""
    server = urlsplit(address.url)
    hosts = ",".join([*(f"127.0.0.1:{port}" for port in ports), f"{server.hostname}:{server.port}"])
    return Address.of(f"postgresql://{server.username}@{hosts}{server.path}", address.options)


@pytest.mark.parametrize("answer", [None, STARTING], ids=["silent", "starting"])
async def test_a_host_that_does_not_do_holds_up_no_other(
    address: Address, answer: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine of a primary that died says nothing at all; one that is started again takes nobody for a while."""
    monkeypatch.setattr(connecting, "OTHERS_S", 0.01)
    async with a_host_that(answer) as port:
        connection = await connect(after(address, port), "test")
        assert await connection.fetchval("SELECT current_setting('search_path')") == address.schema
        await connection.close()


async def test_a_host_that_says_nothing_is_waited_for_once(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by each of a dozen connections, for as long as its machine is gone."""
    monkeypatch.setattr(connecting, "OTHERS_S", 0.01)
    monkeypatch.setattr(connecting, "CONNECT_TIMEOUT_S", 300.0)
    async with a_host_that(None) as port:
        behind = after(address, port)
        await (await connect(behind, "test")).close()
        monkeypatch.setattr(connecting, "OTHERS_S", 300.0)
        async with asyncio.timeout(120):
            await (await connect(behind, "test")).close()


async def test_what_each_host_said_is_told_where_none_will_do(address: Address) -> None:
    """Each by its name, in one sentence."""
    gone = free_port()
    async with a_host_that(STARTING) as starting:
        nowhere = Address.of(f"postgresql://u@127.0.0.1:{starting},127.0.0.1:{gone}/x", address.options)
        with pytest.raises(OSError, match="starting up") as failed:
            await connect(nowhere, "test")
    assert is_away(failed.value)
    assert said(failed.value).startswith(
        f"127.0.0.1:{starting}: the database system is starting up; 127.0.0.1:{gone}: the database cannot be reached"
    )


async def test_a_login_that_a_host_refuses_is_not_taken_for_a_database_that_is_away(address: Address) -> None:
    """Waiting mends it on none of them."""
    async with a_host_that(REFUSING) as refusing:
        nowhere = Address.of(f"postgresql://u@127.0.0.1:{refusing},127.0.0.1:{free_port()}/x", address.options)
        with pytest.raises(
            asyncpg.InterfaceError, match=r"no such password; 127\.0\.0\.1:[0-9]+: the database cannot be"
        ):
            await connect(nowhere, "test")


async def test_a_machine_that_vanished_is_given_up_within_seconds(address: Address) -> None:
    """Neither what is sent there nor a wait for an answer goes on for as long as the system would have it."""
    connection = await connect(address, "test")
    transport: Any = getattr(connection, "_transport", None)  # the driver has no other way to it
    found = transport.get_extra_info("socket")
    seconds = connecting.SILENT_S
    assert found.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        assert found.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 1000 * seconds
        assert found.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == seconds
    await connection.close()


async def test_a_socket_in_a_folder_is_a_host_too(address: Address) -> None:
    """Written as libpq has it, and with a port where it is not the usual one."""
    with closing(Database(address, "test")) as database:
        folder = database.one("SELECT current_setting('unix_socket_directories')")
    server = urlsplit(address.url)
    url = f"postgresql://{server.username}@{quote(folder, safe='')}:{server.port}{server.path}"
    connection = await connect(Address.of(url, address.options), "test")
    assert await connection.fetchval("SELECT inet_server_addr()") is None
    await connection.close()


@pytest.fixture
def role(address: Address) -> Iterator[Database]:
    """A session that may set for the role ``hurried`` what an administrator sets for everybody."""
    with closing(Database(address, "test")) as database:
        database.execute("CREATE ROLE hurried LOGIN SUPERUSER")
        yield database
        database.execute("DROP ROLE hurried")


def as_hurried(address: Address) -> Address:
    """The same database, as that role."""
    return replace(address, url=address.url.replace("ledger@", "hurried@"))


def test_limits_that_an_administrator_set_for_all_are_not_ours(address: Address, role: Database) -> None:
    """A check of the journal takes minutes, and a connection has nothing to do for hours."""
    limits = ("statement_timeout", "lock_timeout", "idle_session_timeout")
    for name in limits:
        role.execute(f"ALTER ROLE hurried SET {name} = '50ms'")
    role.execute("ALTER ROLE hurried SET default_transaction_isolation = 'serializable'")
    for theirs in (as_hurried(address), replace(as_hurried(address), pooled=True)):
        with closing(Database(theirs, "test")) as database:
            assert database.one("SELECT current_setting('transaction_isolation')") == "read committed"
            for name in limits[: 2 if theirs.pooled else 3]:
                assert database.one("SELECT current_setting($1)", name) == "0"


def test_a_database_that_takes_no_writes_is_said_to_be_that(address: Address, role: Database) -> None:
    """Whether somebody set it so or it is a replica: nothing starts on it, and nobody reads the driver's words."""
    role.execute("ALTER ROLE hurried SET default_transaction_read_only = on")
    with pytest.raises(StoreFailed, match="takes no writes: it is a replica, or has default_transaction_read_only"):
        checked(as_hurried(address), NO_KEYS)


def test_a_password_that_cannot_be_read_just_now_is_tried_again(address: Address) -> None:
    """Its file is being exchanged: that is no worse than a database which is away, and ends no process."""

    def gone() -> str:
        raise ConfigurationError(["journal.password: there is no file /run/secrets/pg"])

    without = address.with_options(replace(address.options, password=gone))
    with closing(Database(without, "test")) as database, pytest.raises(StoreFailed, match="no file /run/secrets/pg"):
        database.one("SELECT 1")
