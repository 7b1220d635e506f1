"""Hostile callers at a real socket: each runs into its budget, is counted and said once, and others are answered."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from receiver.intake.connection import OTHER_BYTES_MAX
from receiver.intake.notices import REFUSED
from receiver.intake.peers import networks
from receiver.model.callback import VerifiedCallback
from tests.intake.door import BODY, PATH, Door, open_door, post, statuses
from tests.support import Way

GET = b"GET / HTTP/1.1\r\n\r\n"
CHUNKED = b"POST %s HTTP/1.1\r\n%stransfer-encoding: chunked\r\n\r\n"
ENDLESS = {
    "a trailer of many fields": (b"1\r\nx\r\n0\r\n", b"x-a: 1\r\n"),
    "a trailer's field": (b"1\r\nx\r\n0\r\nx: ", b"a" * 1000),
    "a chunk's extension": (b"1;a=", b"a" * 1000),
    "small chunks with long extensions": (b"", b"1;" + b"a" * 1000 + b"\r\nx\r\n"),
}


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    """Limits that are soon reached."""
    async with open_door(Way(body_bytes_max=200_000), arrival_s=0.5, write_s=0.5) as opened:
        yield opened


async def until(holds: object) -> None:
    """Wait until something holds."""
    assert callable(holds)
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.02)


async def dial(door: Door, source: str = "127.0.0.1") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection from a loopback address."""
    return await asyncio.open_connection("127.0.0.1", door.port, local_addr=(source, 0))


def genuine(door: Door) -> bytes:
    """A callback, on a connection that stays open."""
    return post(door.signed(), BODY).replace(b"connection: close\r\n", b"")


async def answered(door: Door, source: str = "127.0.0.2") -> int:
    """An honest caller's status."""
    reader, writer = await dial(door, source)
    writer.write(post(door.signed(), BODY))
    (status,) = statuses(await asyncio.wait_for(reader.read(), 60))
    writer.close()
    return status


@pytest.mark.parametrize(("opening", "more"), ENDLESS.values(), ids=ENDLESS)
async def test_bytes_that_are_no_body_have_one_budget(door: Door, opening: bytes, more: bytes) -> None:
    """Whatever they are: refused soon after it is spent, and the callback is not kept."""
    reader, writer = await dial(door)
    writer.write(CHUNKED % (PATH, door.signed()) + opening)
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(20):
            while not reader.at_eof():
                writer.write(more * 8)
                await writer.drain()
                await asyncio.sleep(0)
    with contextlib.suppress(ConnectionError):
        assert statuses(await asyncio.wait_for(reader.read(), 60)) in ([431], [])
    writer.close()
    assert (door.count("receiver_http_errors_total", why="headers_too_large") or 0) + (
        door.count("receiver_http_errors_total", why="trailers") or 0
    ) == 1
    assert door.way.inbox.entries == []


async def test_empty_lines_before_a_request_have_it_too(door: Door) -> None:
    """A few are legal."""
    assert statuses(await door.say(b"\r\n" * 10 + post(door.signed(), BODY))) == [200]
    assert statuses(await door.say(b"\r\n" * OTHER_BYTES_MAX)) == [431]


async def test_a_few_trailers_are_thrown_away_and_more_are_refused(door: Door) -> None:
    """They are legal, and nobody reads them."""
    head = CHUNKED % (PATH, door.signed()) + b"%x\r\n%s\r\n0\r\n" % (len(BODY), BODY)
    assert statuses(await door.say(head + b"x-a: 1\r\n" * 8 + b"\r\n", half_close=True)) == [200]
    assert statuses(await door.say(head + b"x-a: 1\r\n" * 9 + b"\r\n")) == [431]
    assert len(door.named("trailers")) == 1
    assert len(door.way.inbox.entries) == 1


async def test_one_request_is_in_hand_and_the_rest_stays_unread(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipeline fills no memory: while one waits for its commit, nothing of the next is looked at."""
    go_on, append, seen = asyncio.Event(), door.way.inbox.append, 0

    async def slow(callback: VerifiedCallback) -> int:
        nonlocal seen
        seen += 1
        await go_on.wait()
        return await append(callback)

    monkeypatch.setattr(door.way.inbox, "append", slow)
    reader, writer = await dial(door)
    writer.write(genuine(door) * 200)
    await until(lambda: seen == 1)
    await asyncio.sleep(0.2)
    (connection,) = door.server.server_state.connections
    assert (seen, len(connection.pipeline)) == (1, 0)  # type: ignore[union-attr]
    assert len(connection._held) <= 32 * 1024  # type: ignore[union-attr]
    go_on.set()
    said = b""
    while len(statuses(said)) < 200:
        said += await asyncio.wait_for(reader.read(65536), 60)
    assert statuses(said) == [200] * 200
    writer.close()


async def test_a_lone_crlf_holds_no_connection(door: Door) -> None:
    """Sent again and again behind an answer, or at the beginning."""
    reader, writer = await dial(door)
    writer.write(genuine(door))
    assert statuses(await asyncio.wait_for(reader.readuntil(b"\r\n\r\nOK"), 60)) == [200]
    silent, other = await dial(door)

    async def drip() -> None:
        while True:
            for end in (writer, other):
                if not end.is_closing():
                    end.write(b"\r\n")
            await asyncio.sleep(0.1)

    dripping = asyncio.create_task(drip())
    with contextlib.suppress(ConnectionError):
        assert await asyncio.wait_for(reader.read(), 20) == b""
    with contextlib.suppress(ConnectionError):
        assert await asyncio.wait_for(silent.read(), 20) == b""
    dripping.cancel()
    writer.close()
    other.close()
    assert door.count("receiver_connections_refused_total", why="silent") == 1
    await until(lambda: set(door.server.states().values()) == {0})


async def test_a_slow_body_behind_well_shaped_headers_is_cut_off() -> None:
    """A byte now and then earns no time."""
    async with open_door(Way(), arrival_s=0.5, body_bytes_per_s_min=1000) as door:
        reader, writer = await dial(door)
        shaped = door.signed() + b"content-length: 200000\r\n"
        writer.write(b"POST %s HTTP/1.1\r\n%s\r\n" % (PATH, shaped))
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(15):  # less than such a caller has by default
                while not reader.at_eof():
                    writer.write(b"x")
                    await asyncio.sleep(0.05)
                    with contextlib.suppress(TimeoutError):
                        assert await asyncio.wait_for(reader.read(1), 0.01) == b""
        assert door.count("receiver_connections_refused_total", why="slow") == 1
        writer.close()


async def test_a_caller_that_does_not_read_is_closed(door: Door) -> None:
    """Its answers fill the system's buffers, then one waits here, and that has an end."""
    caller = socket.socket()
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    caller.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(caller, ("127.0.0.1", door.port))
    flood = asyncio.create_task(loop.sock_sendall(caller, GET * 300_000))
    async with asyncio.timeout(120):  # the system's buffers fill first, and that takes a busy machine its time
        while not door.count("receiver_connections_refused_total", why="unread"):
            await asyncio.sleep(0.05)
    await until(lambda: set(door.server.states().values()) == {0})
    flood.cancel()
    caller.close()


async def test_a_length_of_thousands_of_digits_is_read_as_what_it_says(door: Door) -> None:
    """Never an error of ours: zeros before it are legal, and more digits than any body has are too large."""
    for zeros in (20, 5000):
        length = b"content-length: %s%d\r\n" % (b"0" * zeros, len(BODY))
        whole = b"POST %s HTTP/1.1\r\n%sconnection: close\r\n%s\r\n%s" % (PATH, door.signed(), length, BODY)
        assert statuses(await door.say(whole)) == [200]
    for digits in (b"9" * 18, b"9" * 5000):
        whole = b"POST %s HTTP/1.1\r\n%scontent-length: %s\r\n\r\n" % (PATH, door.signed(), digits)
        assert statuses(await door.say(whole)) in ([413], [400])
    assert door.way.log.named("callback.internal_error") == []


async def test_where_all_places_are_taken_who_has_proven_nothing_goes() -> None:
    """The oldest of the address with the most of them; a proven one stays, and an honest newcomer is answered."""
    async with open_door(Way(), connections_max=5, keep_alive_s=30) as door:
        proven = await dial(door)
        proven[1].write(genuine(door))
        assert statuses(await asyncio.wait_for(proven[0].readuntil(b"\r\n\r\nOK"), 60)) == [200]
        held = [await dial(door) for _ in range(4)]
        await until(lambda: sum(door.server.states().values()) == 5)
        assert await answered(door) == 200
        assert await asyncio.wait_for(held[0][0].read(), 15) == b""  # before its time to begin a request is over
        assert door.count("receiver_connections_refused_total", why="unproven") == 1
        assert len(door.named("unproven")) == 1
        proven[1].write(genuine(door))
        assert statuses(await asyncio.wait_for(proven[0].readuntil(b"\r\n\r\nOK"), 60)) == [200]
        for _, writer in (proven, *held):
            writer.close()


async def test_a_forgotten_proxy_is_not_cut_off() -> None:
    """All callers have its address: honest ones get through beside any number of silent ones."""
    async with open_door(Way(), connections_max=5, keep_alive_s=30) as door:
        held = [await dial(door) for _ in range(20)]
        assert [await answered(door, "127.0.0.1") for _ in range(10)] == [200] * 10
        for _, writer in held:
            writer.close()


async def test_bodies_in_hand_have_one_budget() -> None:
    """Beyond it the oldest that is not proven gets 503 with ``Retry-After``; an honest caller is answered."""
    async with open_door(Way(body_bytes_max=200_000), bodies_bytes_max=300_000) as door:
        shaped = b"POST %s HTTP/1.1\r\n%scontent-length: 150000\r\n\r\n" % (PATH, door.signed())
        held = []
        for number in range(1, 4):
            held.append(await dial(door))
            held[-1][1].write(shaped + b"x" * 120_000)
            if number < 3:
                await until(lambda sent=120_000 * number: door.server.bodies_bytes() == sent)
        said = await asyncio.wait_for(held[0][0].read(), 60)
        assert statuses(said) == [503]
        assert b"retry-after: 10\r\n" in said
        assert said.endswith(b'{"error": "unavailable"}')
        assert await answered(door) == 200
        assert door.count("receiver_connections_refused_total", why="bodies") == 1
        for _, writer in held:
            writer.close()
        await until(lambda: door.server.bodies_bytes() == 0)


async def test_genuine_bodies_that_wait_for_the_disk_are_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """They stay, and the next is told to come again before it is read."""
    async with open_door(Way(body_bytes_max=200_000), bodies_bytes_max=len(BODY)) as door:
        go_on, append = asyncio.Event(), door.way.inbox.append

        async def slow(callback: VerifiedCallback) -> int:
            await go_on.wait()
            return await append(callback)

        monkeypatch.setattr(door.way.inbox, "append", slow)
        first = asyncio.create_task(answered(door, "127.0.0.1"))
        await until(lambda: door.server.bodies_bytes() == len(BODY) and door.server.states()["answering"] == 1)
        await asyncio.sleep(0.1)
        assert await answered(door) == 503
        assert door.way.log.named("callback.refused")[0]["why"] == "bodies_full"
        go_on.set()
        assert await first == 200


PROXIED = [
    b"PROXY TCP4 203.0.113.5 192.0.2.2 51234 8080\r\n",
    b"PROXY UNKNOWN\r\n",
    b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x05\xc0\x00\x02\x02\xc8\x22\x1f\x90",
    b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00",
    b"",
]


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("header", PROXIED)
async def test_a_trusted_proxys_header_is_believed(header: bytes, size: int) -> None:
    """However it is cut, with or without: its caller is who counts."""
    async with open_door(Way(), trusted=networks(["127.0.0.7"])) as door:
        reader, writer = await dial(door, "127.0.0.7")
        stream = header + genuine(door)
        for at in range(0, len(header) or 1, size):
            writer.write(stream[at : min(at + size, len(header))])
            await asyncio.sleep(0)
        writer.write(stream[len(header) :])
        assert statuses(await asyncio.wait_for(reader.readuntil(b"\r\n\r\nOK"), 60)) == [200]
        (connection,) = door.server.server_state.connections
        named = b"TCP4" in header or b"\x21\x11" in header
        assert connection.account.peer.name == ("203.0.113.5" if named else "127.0.0.7")  # type: ignore[union-attr]
        writer.close()


@pytest.mark.parametrize("header", PROXIED[:4])
async def test_an_untrusted_proxys_header_is_refused_and_named(header: bytes) -> None:
    """As before; the line says what to do."""
    async with open_door(Way(), trusted=networks(["127.0.0.7"])) as door:
        assert statuses(await door.say(header + post(door.signed(), BODY))) == [400]
        (line,) = door.named("proxy_protocol")
        assert "server.trusted_proxies" in line["detail"]


@pytest.mark.parametrize(
    ("source", "header", "peer"),
    [
        ("127.0.0.7", b"x-forwarded-for: 1.1.1.1, 203.0.113.5\r\n", "203.0.113.5"),
        ("127.0.0.7", b"x-forwarded-for: 203.0.113.5\r\nX-Forwarded-For: 127.0.0.7\r\n", "203.0.113.5"),
        ("127.0.0.7", b"", "127.0.0.7"),
        ("127.0.0.8", b"x-forwarded-for: 203.0.113.5\r\n", "127.0.0.8"),
    ],
)
async def test_forwarded_for_is_believed_of_a_trusted_proxy_only(source: str, header: bytes, peer: str) -> None:
    """Counted from the right."""
    async with open_door(Way(), trusted=networks(["127.0.0.7"])) as door:
        reader, writer = await dial(door, source)
        writer.write(genuine(door).replace(b"host: x\r\n", b"host: x\r\n" + header))
        assert statuses(await asyncio.wait_for(reader.readuntil(b"\r\n\r\nOK"), 60)) == [200]
        (connection,) = door.server.server_state.connections
        assert connection.account.peer.name == peer  # type: ignore[union-attr]
        writer.close()


async def test_a_proxy_of_connections_does_not_vouch_for_what_its_caller_writes() -> None:
    """Behind a PROXY header ``X-Forwarded-For`` is the caller's own, unless that is a trusted proxy too."""
    async with open_door(Way(), trusted=networks(["127.0.0.7", "10.0.0.0/8"])) as door:
        for caller, peer in (("203.0.113.5", "203.0.113.5"), ("10.0.0.2", "198.51.100.1")):
            reader, writer = await dial(door, "127.0.0.7")
            writer.write(b"PROXY TCP4 %s 192.0.2.2 51234 8080\r\n" % caller.encode())
            writer.write(genuine(door).replace(b"host: x\r\n", b"x-forwarded-for: 198.51.100.1\r\n"))
            assert statuses(await asyncio.wait_for(reader.readuntil(b"\r\n\r\nOK"), 60)) == [200]
            names = {c.account.peer.name for c in door.server.server_state.connections}  # type: ignore[union-attr]
            assert peer in names
            writer.close()


async def test_a_flood_waits_and_others_are_answered(door: Door) -> None:
    """Connections at full speed with what is no HTTP: what they cost is counted for their address alone."""
    stop = asyncio.Event()

    async def flood() -> None:
        while not stop.is_set():
            with contextlib.suppress(OSError):
                _, writer = await dial(door, "127.0.0.66")
                writer.write(b"nonsense" * 1000)
                writer.close()

    flooding = [asyncio.create_task(flood()) for _ in range(20)]
    await asyncio.sleep(0.3)
    assert [await answered(door) for _ in range(20)] == [200] * 20
    stop.set()
    await asyncio.gather(*flooding)
    await until(lambda: set(door.server.states().values()) == {0})


def test_every_reason_is_said() -> None:
    """Each end that is not the callers' own wish has a sentence."""
    assert {"unproven", "share", "bodies", "silent", "slow", "unanswered", "unread", "too_many"} == set(REFUSED)
