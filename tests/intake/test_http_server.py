"""The public listener as a caller meets it: raw bytes on a socket, every limit, and never a 500."""

from __future__ import annotations

import asyncio
import socket

import pytest

from receiver.intake.canned import ANSWER_200
from receiver.intake.connection import LimitedProtocol
from receiver.intake.http_server import FILES_KEPT, connections_max
from receiver.intake.limits import CONNECTIONS_MAX
from receiver.model.callback import VerifiedCallback
from tests.intake.door import BODY, Door, open_door, post, statuses
from tests.support import Way


async def test_a_genuine_callback_gets_ok_and_no_more(door: Door) -> None:
    """200 ``OK``; no server name, no date."""
    said = await door.say(post(door.signed(), BODY))
    head, _, body = said.partition(b"\r\n\r\n")
    assert (statuses(said), body) == ([200], b"OK")
    assert b"server:" not in head.lower()
    assert len(door.way.inbox.entries) == 1


async def test_the_answer_that_is_written_at_once_is_uvicorns_byte_for_byte(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And leaves the connection as that one would: the next request on it is answered, and so is one that closes."""
    kept = post(door.signed(), BODY).replace(b"connection: close\r\n", b"")
    at_once = await door.say(kept, kept, kept, post(door.signed(), BODY), pause_s=0.05)
    monkeypatch.setattr(LimitedProtocol, "answer_ok", lambda _: False)
    assert at_once == await door.say(kept, kept, kept, post(door.signed(), BODY), pause_s=0.05)
    assert at_once == ANSWER_200 * 3 + ANSWER_200.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")


async def test_one_byte_at_a_time_and_in_chunks_is_the_same(door: Door) -> None:
    """However the network cuts it, the bytes are the bytes."""
    await door.say(*(bytes([byte]) for byte in post(door.signed(), BODY)))
    chunked = b"".join(
        b"%x\r\n%s\r\n" % (len(BODY[at : at + 50]), BODY[at : at + 50]) for at in range(0, len(BODY), 50)
    )
    head = b"POST /webhooks/0xpay-main HTTP/1.1\r\nhost: x\r\n%stransfer-encoding: chunked\r\n\r\n" % door.signed()
    assert statuses(await door.say(head + chunked + b"0\r\nx-trailer: 1\r\n\r\n")) == [200]
    assert [entry.callback.body for entry in door.way.inbox.entries] == [BODY, BODY]


@pytest.mark.parametrize(
    "header",
    [
        b"x-big: " + b"a" * 40_000 + b"\r\n",
        b"x-big: " + b"a" * 20_000_000 + b"\r\n",
        b"".join(b"x-%d: 1\r\n" % number for number in range(101)),
        b"".join(b"x-%d: 1\r\n" % number for number in range(200_000)),
    ],
    ids=["40 KB in one", "20 MB in one", "101 fields", "200 000 fields"],
)
async def test_headers_over_the_limit_are_431(door: Door, header: bytes) -> None:
    """Before the application runs, in a bounded amount of memory, with a whole answer."""
    said = await door.say(post(header + door.signed(), BODY))
    assert statuses(said) == [431]
    assert said.endswith(b'{"error": "headers_too_large"}')
    assert door.way.inbox.entries == []


async def test_a_header_section_that_never_ends_is_431(door: Door) -> None:
    """Also when it drips."""
    said = await door.say(b"POST / HTTP/1.1\r\n", *[b"x-a: " + b"a" * 8000 + b"\r\n"] * 12)
    assert statuses(said) == [431]


async def test_a_request_line_that_never_ends_is_refused(door: Door) -> None:
    """It counts as the header section."""
    said = await door.say(b"POST /" + b"a" * 200_000)
    assert statuses(said)[0] in {400, 414, 431}


async def test_one_hundred_fields_of_ten_kilobytes_together_are_taken(door: Door) -> None:
    """The limits are not lower than they say."""
    odd = b"".join(b"x-%d: %s\r\n" % (number, b"a" * 200) for number in range(95))
    assert statuses(await door.say(post(odd + door.signed(), BODY))) == [200]
    assert statuses(await door.say(post(b"x-long: " + b"a" * 10_240 + b"\r\n" + door.signed(), BODY))) == [200]


ODD = [b"\xe9\xff", b"", b" ", b"\xd0\xbf" * 20, b"a" * 10_240, b"0" * 63, b"0" * 65, b"g" * 64]


@pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
@pytest.mark.parametrize("name", [b"signature", b"timestamp", b"x-api-signature", b"x-api-public-key"])
async def test_odd_signature_headers_are_401(door: Door, name: bytes, value: bytes) -> None:
    """Non-ASCII, empty, long, almost right: refused, and the connection stays sane."""
    source = b"/webhooks/swaps" if name.startswith(b"x-api") else b"/webhooks/0xpay-main"
    lines = (
        door.signed() if source.endswith(b"main") else b"x-api-public-key: k\r\nx-api-signature: %s\r\n" % (b"0" * 64)
    )
    kept = b"".join(line + b"\r\n" for line in lines.split(b"\r\n") if line and not line.startswith(name + b":"))
    said = await door.say(post(b"%s%s: %s\r\n" % (kept, name, value), BODY, source))
    assert statuses(said) == [401]
    assert said.endswith(b'{"error": "unauthorized"}')


async def test_repeated_signature_headers_are_401_even_if_equal(door: Door) -> None:
    """Two readings of one request are one too many."""
    assert statuses(await door.say(post(door.signed() * 2, BODY))) == [401]


@pytest.mark.parametrize("method", [b"GET", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"HEAD", b"TRACE"])
async def test_other_methods_are_405(door: Door, method: bytes) -> None:
    """With ``Allow``."""
    said = await door.say(b"%s /webhooks/0xpay-main HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n" % method)
    assert statuses(said) == [405]
    assert b"allow: post" in said.lower()


@pytest.mark.parametrize(
    "path",
    [
        *(b"/", b"/webhooks/0xpay-main/", b"/readyz", b"/metrics", b"//", b"/webhooks/%00", b"/%ff"),
        *(b"/webhooks%2F0xpay-main", b"/webhooks%2f0xpay-main", b"/webhooks/0xpay-main%2f"),
    ],
)
async def test_other_paths_are_404_without_a_redirect(door: Door, path: bytes) -> None:
    """No ``Location``, whatever the path."""
    said = await door.say(post(door.signed(), BODY, path))
    assert statuses(said) == [404]
    assert b"location" not in said.lower()


async def test_a_declared_oversize_body_is_413_without_being_read(door: Door) -> None:
    """The answer comes while the body is still outstanding, and the connection is closed."""
    head = b"POST /webhooks/0xpay-main HTTP/1.1\r\nhost: x\r\n%scontent-length: 999999999\r\n\r\n" % door.signed()
    said = await door.say(head)
    assert statuses(said) == [413]
    assert b"connection: close" in said.lower()


async def test_a_chunked_oversize_body_is_413_and_not_cut_off(door: Door) -> None:
    """At the first piece that passes the limit."""
    head = b"POST /webhooks/0xpay-main HTTP/1.1\r\nhost: x\r\n%stransfer-encoding: chunked\r\n\r\n" % door.signed()
    said = await door.say(head, *[b"400\r\n" + b"x" * 1024 + b"\r\n"] * 200)
    assert statuses(said) == [413]
    assert door.way.inbox.entries == []


async def test_a_bad_signature_header_is_answered_before_a_body_that_never_comes(door: Door) -> None:
    """Nobody holds a connection open with a promise."""
    said = await door.say(post(b"signature: x\r\n").replace(b"content-length: 0", b"content-length: 100"))
    assert statuses(said) == [401]
    assert b"connection: close" in said.lower()


async def test_expect_continue_is_answered(door: Door) -> None:
    """A caller that asks first is told to go on, or is refused at once."""
    head = b"POST /webhooks/0xpay-main HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\nconnection: close\r\n"
    good = head + door.signed() + b"content-length: %d\r\n\r\n" % len(BODY)
    assert statuses(await door.say(good, BODY, pause_s=0.1)) == [100, 200]
    assert statuses(await door.say(head + b"content-length: 10\r\n\r\n")) == [401]


async def test_pipelined_requests_are_answered_in_order(door: Door) -> None:
    """Three on one connection, the middle one forged."""
    whole = post(door.signed(), BODY).replace(b"connection: close\r\n", b"")
    forged = whole.replace(b'"Done"', b'"Fine"')
    assert statuses(await door.say(whole + forged + post(door.signed(), BODY))) == [200, 401, 200]


@pytest.mark.parametrize(
    "junk",
    [b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n", b"\x00" * 100,
     b"POST / HTTP/1.1\r\nx\r\n\r\n",
     b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
     b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
     b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\nx"],
)  # fmt: skip
async def test_junk_gets_the_parsers_own_400(door: Door, junk: bytes) -> None:
    """Or a 404 where it is still a request; never a 500, and the next caller is served."""
    said = await door.say(junk, half_close=True)
    assert set(statuses(said)) <= {400, 404}
    assert statuses(await door.say(post(door.signed(), BODY))) == [200]


async def test_a_caller_that_breaks_off_leaves_nothing(door: Door) -> None:
    """Half a body, then gone."""
    await door.say(post(door.signed(), BODY)[:-10], half_close=True)
    assert door.way.inbox.entries == []


async def test_a_request_that_does_not_arrive_is_closed() -> None:
    """A slow body, a slow head and a silent connection alike; nobody is waited for without an end."""
    async with open_door(Way(body_bytes_max=4096), arrival_s=0.2) as door:
        for begun in (b"", b"POST /webhooks", post(door.signed(), BODY)[:-5]):
            reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
            writer.write(begun)
            assert await asyncio.wait_for(reader.read(), 15) == b""  # less than the 20 s that are usual
            writer.close()
        assert door.count("receiver_connections_refused_total", why="silent") == 1
        assert door.count("receiver_connections_refused_total", why="slow") == 2
        (line,) = door.named("slow")
        assert "did not arrive whole" in line["detail"]


async def test_who_has_spoken_and_was_not_looked_at_is_not_silent(door: Door) -> None:
    """A machine that stands still for a while takes nobody's callback for silence."""
    loop = asyncio.get_running_loop()
    acceptor = door.server._acceptor
    assert acceptor is not None
    with socket.create_connection(("127.0.0.1", door.port)) as caller:
        async with asyncio.timeout(60):
            while acceptor.waiting() != 1:
                await asyncio.sleep(0)
        caller.sendall(post(door.signed(), BODY))
        acceptor.keep_time(loop.time() + 100, 1.0)
        caller.setblocking(False)
        assert statuses(await loop.sock_recv(caller, 65536)) == [200]
    with socket.create_connection(("127.0.0.1", door.port)) as caller:
        async with asyncio.timeout(60):
            while acceptor.waiting() != 1:
                await asyncio.sleep(0)
        acceptor.keep_time(loop.time() + 100, 1.0)
        assert acceptor.waiting() == 0
        assert caller.recv(1) == b""


async def test_idle_connections_are_closed_after_the_keep_alive_time(door: Door) -> None:
    """A sender that vanished holds no memory for long."""
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(post(door.signed(), BODY).replace(b"connection: close\r\n", b""))
    assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\nOK"), 60)).startswith(b"HTTP/1.1 200")
    assert await asyncio.wait_for(reader.read(), 4.5) == b""  # less than the 5 s that are usual
    writer.close()


async def prove(door: Door) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which a genuine callback was answered, and that stays open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(post(door.signed(), BODY).replace(b"connection: close\r\n", b""))
    assert statuses(await asyncio.wait_for(reader.readuntil(b"\r\n\r\nOK"), 60)) == [200]
    return reader, writer


async def test_connections_have_a_limit() -> None:
    """Further ones are closed at once, counted, and named once; those that are open are served."""
    async with open_door(Way(), connections_max=3, keep_alive_s=30) as door:
        kept = [await prove(door) for _ in range(3)]
        for _ in range(5):
            reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
            assert await asyncio.wait_for(reader.read(), 60) == b""
            writer.close()
        assert door.count("receiver_connections_refused_total", why="too_many") == 5
        assert len(door.named("too_many")) == 1
        kept[0][1].write(post(door.signed(), BODY))
        assert statuses(await asyncio.wait_for(kept[0][0].read(), 60)) == [200]
        for _, opened in kept:
            opened.close()


async def until_states(door: Door, **counts: int) -> None:
    """Wait until there are so many connections of each kind, and none of the kinds that are not named."""
    wanted = {"idle": 0, "arriving": 0, "answering": 0, "writing": 0, "closing": 0} | counts
    async with asyncio.timeout(60):
        while door.server.states() != wanted:
            await asyncio.sleep(0.01)


async def test_connections_are_counted_by_what_they_wait_for() -> None:
    """A silent one and one that waits for its next request are idle; half a request is arriving."""
    opened = []
    async with open_door(Way(body_bytes_max=4096), keep_alive_s=3600, arrival_s=3600) as door:
        for begin in (b"", b"\r\n", b"POST /webhooks", post(door.signed(), BODY)[:-5]):
            _, writer = await asyncio.open_connection("127.0.0.1", door.port)
            writer.write(begin)
            opened.append(writer)
        await until_states(door, idle=2, arriving=2)
        for writer in opened:
            writer.close()
        await until_states(door)


async def test_a_request_in_hand_is_answering(door: Door) -> None:
    """From its last byte to its answer."""
    go_on = asyncio.Event()
    append = door.way.inbox.append

    async def slow(callback: VerifiedCallback) -> int:
        await go_on.wait()
        return await append(callback)

    door.way.inbox.append = slow  # type: ignore[method-assign]
    saying = asyncio.create_task(door.say(post(door.signed(), BODY)))
    await until_states(door, answering=1)
    go_on.set()
    assert statuses(await saying) == [200]


async def test_an_answer_that_nobody_reads_is_writing(door: Door) -> None:
    """It waits in memory here, and holds its connection."""
    caller = socket.socket()
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    caller.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(caller, ("127.0.0.1", door.port))
    flood = asyncio.create_task(loop.sock_sendall(caller, b"GET / HTTP/1.1\r\n\r\n" * 200_000))
    try:
        async with asyncio.timeout(90):  # the system's buffers fill first, and that takes a busy machine its time
            while door.server.states()["writing"] != 1:
                await asyncio.sleep(0.05)
    finally:
        flood.cancel()
        caller.close()


def test_no_more_connections_than_files_allow() -> None:
    """The journal's files and what else the process opens come first."""
    assert connections_max(CONNECTIONS_MAX, 1_048_576) == CONNECTIONS_MAX
    assert connections_max(CONNECTIONS_MAX, CONNECTIONS_MAX + FILES_KEPT) == CONNECTIONS_MAX
    assert connections_max(CONNECTIONS_MAX, 1024) == 1024 - FILES_KEPT
    assert connections_max(CONNECTIONS_MAX, 10) == 1
