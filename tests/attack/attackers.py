"""Hostile callers: each holds, floods or feeds until its time is over. All of one attack call from one address."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from tests.chaos import traffic

HELD = 4200
"""Connections that are held: more than a listener has places for."""
STEP_S = 0.01
REST_S = 0.5
TRAILER_BYTES_PER_S = 100_000_000 // 8
SHAPED = (
    b"POST /webhooks/swaps HTTP/1.1\r\nhost: x\r\nx-api-public-key: " + traffic.ONCHAIN_PUBLIC.encode() + b"\r\n"
    b"x-api-signature: " + b"0" * 64 + b"\r\n"
)
"""Headers whose shape is right; the signature is nobody's."""
GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


@dataclass(frozen=True)
class Target:
    """Where an attacker calls, from where, and until when (``time.monotonic``)."""

    port: int
    source: str
    until: float

    def time_left(self) -> bool:
        """Whether it is not over."""
        return time.monotonic() < self.until

    def dial(self) -> socket.socket:
        """A socket of the attacker's address, not connected."""
        made = socket.socket()
        made.setblocking(False)
        made.bind((self.source, 0))
        return made


async def connect(target: Target, *, receive_bytes: int | None = None) -> socket.socket:
    """A connection; it may fail as any."""
    made = target.dial()
    if receive_bytes is not None:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    try:
        async with asyncio.timeout(10):
            await asyncio.get_running_loop().sock_connect(made, ("127.0.0.1", target.port))
    except BaseException:
        made.close()
        raise
    return made


async def pour(target: Target, opening: bytes, piece: bytes, bytes_per_s: float) -> None:
    """Send one thing after another on one connection at a time, at a rate; a new one when it is closed."""
    loop = asyncio.get_running_loop()
    while target.time_left():
        with contextlib.suppress(OSError):
            caller = await connect(target)
            try:
                await loop.sock_sendall(caller, opening)
                started, sent = time.monotonic(), 0
                while target.time_left():
                    await loop.sock_sendall(caller, piece)
                    sent += len(piece)
                    await asyncio.sleep(max(0.0, sent / bytes_per_s - (time.monotonic() - started)))
            finally:
                caller.close()
        await asyncio.sleep(STEP_S)


async def hold(target: Target, opening: bytes, drop: bytes, *, count: int = HELD, every_s: float = 2.0) -> None:
    """Keep so many connections open, each with an opening and a drop now and then; what is closed is opened again."""
    held: list[socket.socket] = []
    dropped_s = time.monotonic()
    while target.time_left():
        for _ in range(min(100, count - len(held))):
            with contextlib.suppress(OSError, TimeoutError):
                caller = await connect(target, receive_bytes=4096)
                held.append(caller)
                caller.send(opening)
        if time.monotonic() - dropped_s > every_s:
            dropped_s = time.monotonic()
            held = [caller for caller in held if _alive(caller, drop)]
        await asyncio.sleep(STEP_S if len(held) < count else REST_S)
    for caller in held:
        caller.close()


def _alive(caller: socket.socket, drop: bytes) -> bool:
    try:
        if drop:
            caller.send(drop)
        else:
            return bool(caller.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return True
    except OSError:
        caller.close()
        return False
    return True


async def many(target: Target, attack: Callable[[Target], Awaitable[None]], count: int) -> None:
    """The same attack so many times at once."""
    await asyncio.gather(*(attack(target) for _ in range(count)))


async def trailer(target: Target) -> None:
    """A chunked body whose trailer does not end, at 100 Mbit/s."""
    opening = SHAPED + b"transfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
    await pour(target, opening, b"x-trailer: " + b"a" * 989 + b"\r\n" + b"x: " + b"b" * 30_000, TRAILER_BYTES_PER_S)


async def extensions(target: Target) -> None:
    """A chunk whose extension does not end."""
    opening = SHAPED + b"transfer-encoding: chunked\r\n\r\n1;a="
    await pour(target, opening, b"a" * 30_000, TRAILER_BYTES_PER_S)


async def empty_lines(target: Target) -> None:
    """Nothing but empty lines before a request."""
    await pour(target, b"", b"\r\n" * 15_000, TRAILER_BYTES_PER_S)


async def tiny_chunks(target: Target) -> None:
    """A body of one byte a chunk, as fast as it goes."""
    await pour(target, SHAPED + b"transfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 5000, 1e9)


async def pipeline(target: Target) -> None:
    """Six megabytes of requests behind each other, again and again."""
    await pour(target, b"", GET * (6_000_000 // len(GET)), 1e9)


async def junk(target: Target) -> None:
    """What is no HTTP, as fast as it goes."""
    await pour(target, b"", b"nonsense" * 4000, 1e9)


async def refused(target: Target) -> None:
    """Whole requests that are refused, as fast as they are answered."""
    loop = asyncio.get_running_loop()
    while target.time_left():
        with contextlib.suppress(OSError):
            caller = await connect(target)
            try:
                while target.time_left():
                    await loop.sock_sendall(caller, GET)
                    if not await loop.sock_recv(caller, 65536):
                        break
            finally:
                caller.close()


async def bodies(target: Target) -> None:
    """Bodies of 250 kB with a signature of the right shape, as fast as they are refused."""
    loop = asyncio.get_running_loop()
    whole = SHAPED + b"content-length: 250000\r\n\r\n" + b"x" * 250_000
    while target.time_left():
        with contextlib.suppress(OSError):
            caller = await connect(target)
            try:
                await loop.sock_sendall(caller, whole)
                await loop.sock_recv(caller, 65536)
            finally:
                caller.close()


async def churn(target: Target) -> None:
    """Connections, opened and closed as fast as it goes."""
    while target.time_left():
        with contextlib.suppress(OSError):
            (await connect(target)).close()


async def digits(target: Target) -> None:
    """A length of 5000 digits."""
    loop = asyncio.get_running_loop()
    while target.time_left():
        with contextlib.suppress(OSError):
            caller = await connect(target)
            try:
                await loop.sock_sendall(caller, SHAPED + b"content-length: " + b"0" * 4999 + b"5\r\n\r\n")
                await loop.sock_recv(caller, 65536)
            finally:
                caller.close()


ATTACKS: dict[str, Callable[[Target], Awaitable[None]]] = {
    "trailer": trailer,
    "extensions": lambda target: many(target, extensions, 4),
    "empty lines": lambda target: many(target, empty_lines, 4),
    "tiny chunks": lambda target: many(target, tiny_chunks, 8),
    "pipeline": lambda target: many(target, pipeline, 4),
    "junk": lambda target: many(target, junk, 50),
    "refused": lambda target: many(target, refused, 100),
    "bodies": lambda target: many(target, bodies, 100),
    "churn": lambda target: many(target, churn, 50),
    "digits": lambda target: many(target, digits, 20),
    "silent": lambda target: hold(target, b"", b""),
    "slow headers": lambda target: hold(target, b"POST / HTTP/1.1\r\n", b"x: 1\r\n"),
    "slow body": lambda target: hold(target, SHAPED + b"content-length: 250000\r\n\r\n", b"x" * 100),
    "half bodies": lambda target: hold(target, SHAPED + b"content-length: 250000\r\n\r\n" + b"x" * 60_000, b"x" * 9000),
    "lone CRLF": lambda target: hold(target, GET, b"\r\n"),
    "never reading": lambda target: hold(target, GET * 100, GET * 100),
}
"""Name → what does it."""


def run(name: str, port: int, source: str, seconds: float) -> None:
    """One attack, from one address; at the lowest priority, since it would have a machine of its own."""
    os.nice(19)
    target = Target(port, source, time.monotonic() + seconds)
    with contextlib.suppress(TimeoutError):
        asyncio.run(_bounded(ATTACKS[name](target), seconds + 2))


async def _bounded(attack: Awaitable[None], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        await attack


def names(wanted: str | None) -> Iterator[str]:
    """Those whose name holds a text."""
    return (name for name in ATTACKS if wanted is None or wanted in name)


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4]))
