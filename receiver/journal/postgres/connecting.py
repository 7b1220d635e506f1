"""A connection to the one of the database's hosts that takes writes.

Theory of operation. The driver asks the hosts of a list one after the other, within one time for all of them. Behind a
machine that vanished without a word the next host would never be asked, and one that is just starting would end the
search. So each host is asked here beside the others, with a time of its own.

Two of them may take writes at once: an old primary that came back although a replica has taken its place. Each
promotion raises a server's timeline, so the one with the higher timeline is the newer, and is taken wherever it stands
in the list. A server is never refused for its timeline: where it alone takes writes, a person may have wanted it so.

A host that says nothing is still asked by each connection, and waited for only by the first in a while: the machine of
a primary that died may be gone for days.

A machine that vanished sends no reset either. Without a limit of our own the system would go on for a quarter of an
hour with what it sends there, and for two hours where it only waits.
"""

from __future__ import annotations

import asyncio
import math
import os
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import asyncpg
from asyncpg.connect_utils import SessionAttribute

from receiver.journal.postgres.address import Address
from receiver.model.errors import ReceiverError

CONNECT_TIMEOUT_S = 5.0
"""For each host."""
OTHERS_S = 1.0
"""How long the other hosts are waited for once one takes writes: a newer one may be among them."""
NOT_AGAIN_S = 30.0
"""For so long nobody else waits for a host that was waited for in vain."""
IDLE_IN_TRANSACTION = "5s"
"""Then the server ends the session: a process that is stopped within a transaction would hold up every reader."""
SILENT_S = 5
"""For so long the other machine may leave what was sent to it, or a question whether it is there, without a sign."""
TIMELINE = "SELECT pg_walfile_name(pg_current_wal_lsn())"
"""Its first eight digits are the timeline, hexadecimal; whoever may connect may ask."""

AWAY = (
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.TargetServerAttributeNotMatched,
    asyncpg.PostgresConnectionError,
    OSError,
)
"""What the driver raises where no server that takes writes has a connection for us. Also what takes too long."""

_IN_VAIN: dict[str, float] = {}
"""The URL of a host that said nothing → when that was, by the monotonic clock."""

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


async def connect(address: Address, name: str) -> Connection:
    """Open a connection to the server that takes writes; raises whatever the driver does, and ``OSError``.

    ``name`` is what the server's own lists of sessions say of it.
    """
    if len(address.hosts) == 1:
        return await _to_host(address, address.url, name)
    urls = [url for _, url in address.hosts]
    asked = [asyncio.create_task(_to_host(address, url, name)) for url in urls]
    chosen = None
    try:
        await _one_and_others(dict(zip(asked, urls, strict=True)))
        there = [task.result() for task in asked if _succeeded(task)]
        if not there:
            raise _why_none(address, asked)
        chosen = await _newest(there)
        return chosen
    finally:
        for task in asked:
            task.cancel()
            task.add_done_callback(lambda done: _let_go(done, chosen))


def is_away(error: BaseException) -> bool:
    """Whether it may help to try again in a while, and nothing else does."""
    return isinstance(error, AWAY) and not isinstance(error, ssl.SSLError)


def said(error: BaseException) -> str:
    """What went wrong, in a sentence's end; some of the driver's errors say nothing, and the system's say little."""
    if isinstance(error, TimeoutError):
        return "the database did not answer in time"
    if isinstance(error, socket.gaierror):
        return f"the name of the database's host leads to no address: {error.strerror}"
    if isinstance(error, FileNotFoundError):  # whichever it was: neither the system nor the driver says its name
        return "the database's socket is not there, or a certificate that journal.url names"
    if isinstance(error, OSError) and error.errno is not None:
        return f"the database cannot be reached, {os.strerror(error.errno)}: {error.strerror}"
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return "the database takes no writes: it is a replica, or has default_transaction_read_only = on"
    return str(error).strip().partition("\n")[0] or type(error).__name__


async def _to_host(address: Address, url: str, name: str) -> Connection:
    options = address.options
    settings = {
        "search_path": address.schema,
        "synchronous_commit": "on",
        "default_transaction_isolation": "read committed",
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION,
        # Whoever runs the database may have set these for everybody. Ours are limited on this side, each as it needs:
        # a check of the journal takes minutes, and a connection may have nothing to do for hours.
        "statement_timeout": "0",
        "lock_timeout": "0",
        "idle_session_timeout": "0",
        "tcp_keepalives_idle": "5",
        "tcp_user_timeout": "5s",
        "application_name": f"receiver {name}",
    }
    try:
        password = None if options.password is None else options.password()
    except ReceiverError as error:  # its file is just being exchanged: as with a database that is away, try again
        raise OSError(str(error)) from error
    connection = await asyncpg.connect(
        url,
        password=password,
        timeout=CONNECT_TIMEOUT_S,
        statement_cache_size=0 if address.pooled else 100,
        server_settings=None if address.pooled else settings,
        target_session_attrs=SessionAttribute.any if address.pooled else SessionAttribute.read_write,
    )
    _limit_silence(connection)
    return connection


def _limit_silence(connection: Connection) -> None:
    transport = getattr(connection, "_transport", None)  # the driver has no public way to its socket
    found = None if transport is None else transport.get_extra_info("socket")
    if found is None or found.family == socket.AF_UNIX:
        return
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", SILENT_S),
        ("TCP_KEEPINTVL", 1),
        ("TCP_KEEPCNT", SILENT_S),
        ("TCP_USER_TIMEOUT", SILENT_S * 1000),
    ):
        if hasattr(socket, name):  # each system has some of them
            found.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


async def _one_and_others(asked: Mapping[asyncio.Task[Connection], str]) -> None:
    waiting = set(asked)
    while waiting and not any(map(_succeeded, asked)):
        _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    now_s = time.monotonic()
    waiting = {task for task in waiting if now_s - _IN_VAIN.get(asked[task], -math.inf) > NOT_AGAIN_S}
    if waiting:
        _, silent = await asyncio.wait(waiting, timeout=OTHERS_S)
        _IN_VAIN.update((asked[task], time.monotonic()) for task in silent)


def _succeeded(task: asyncio.Task[Connection]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


async def _newest(there: Sequence[Connection]) -> Connection:
    # The first of those that are equally new.
    if len(there) == 1:
        return there[0]
    timelines = [await _timeline(one) for one in there]
    return there[timelines.index(max(timelines))]


async def _timeline(connection: Connection) -> int:
    try:
        name: Any = await connection.fetchval(TIMELINE, timeout=OTHERS_S)
        return int(str(name)[:8], 16)
    except Exception:  # noqa: BLE001  the driver's are of many classes; and not everything that speaks so has timelines
        return -1


def _why_none(address: Address, asked: Sequence[asyncio.Task[Connection]]) -> Exception:
    errors = [task.exception() or OSError() for task in asked]
    why = "; ".join(f"{host}: {said(error)}" for (host, _), error in zip(address.hosts, errors, strict=True))
    return OSError(why) if all(map(is_away, errors)) else asyncpg.InterfaceError(why)


def _let_go(task: asyncio.Task[Connection], chosen: Connection | None) -> None:
    if _succeeded(task) and task.result() is not chosen:
        task.result().terminate()
