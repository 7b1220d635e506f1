"""HTTP/1.1 as clients and proxies really send it, byte by byte, on both event loops."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from receiver.intake.notices import HTTP_ERRORS
from receiver.model.callback import VerifiedCallback
from tests.intake.door import BODY, PATH, Door, open_door, post, statuses
from tests.support import Way

H2C = (
    b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n"
    b"http2-settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n"
)
"""As Java's HttpClient sends it with every request, at its defaults; ``curl --http2`` sends nearly the same."""
WEBSOCKET = b"Upgrade: websocket\r\nConnection: upgrade\r\n"
"""As a proxy adds it whose template for websockets is used for all."""
OFFERS = {
    "h2c": H2C,
    "websocket": WEBSOCKET,
    "tls": b"Upgrade: TLS/1.0, HTTP/1.1\r\nConnection: Upgrade\r\n",
    "anything, and close": b"Upgrade: x/1\r\nConnection: close, upgrade\r\n",
    "twice": b"Connection: keep-alive\r\nUpgrade: h2c\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
    "an offer of nothing": b"Upgrade:\r\nConnection: upgrade\r\n",
    "not named by Connection": b"Upgrade: h2c\r\n",
    "only named by Connection": b"Connection: upgrade\r\n",
}


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    """The application on a real socket; its keep-alive time is far longer than any test waits for an answer."""
    async with open_door(Way(body_bytes_max=4096)) as opened:
        yield opened


@pytest.fixture
async def patient() -> AsyncIterator[Door]:
    """One that closes nothing because a time is over."""
    async with open_door(Way(body_bytes_max=4096), keep_alive_s=3600, arrival_s=3600) as opened:
        yield opened


AT_ONCE_S = 20
"""Far more than a busy machine takes, and far less than a patient door waits."""


def chunks(body: bytes, size: int = 50) -> bytes:
    """A chunked body with extensions and a trailer."""
    cut = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x;a=b;c\r\n%s\r\n" % (len(piece), piece) for piece in cut) + b"0\r\nx-trailer: 1\r\n\r\n"


def declared(head: bytes, body: bytes = BODY) -> bytes:
    """A request with its length, on a connection that stays open."""
    return b"POST %s HTTP/1.1\r\nhost: x\r\n%scontent-length: %d\r\n\r\n%s" % (PATH, head, len(body), body)


def chunked(head: bytes, body: bytes = BODY) -> bytes:
    """The same, in chunks."""
    return b"POST %s HTTP/1.1\r\nhost: x\r\n%stransfer-encoding: chunked\r\n\r\n%s" % (PATH, head, chunks(body))


def kept(door: Door) -> list[bytes]:
    """The bodies that are in the inbox."""
    return [entry.callback.body for entry in door.way.inbox.entries]


@pytest.mark.parametrize("request_of", [declared, chunked])
@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
async def test_an_offered_upgrade_is_ignored_and_the_body_read_as_sent(
    door: Door, offer: bytes, request_of: Any
) -> None:
    """RFC 9110, 7.8; the connection goes on being one of HTTP/1.1."""
    whole = request_of(door.signed() + offer)
    said = await door.say(whole, half_close=True)
    assert statuses(said) == [200]
    assert b"upgrade" not in said.lower()
    assert kept(door) == [BODY]


@pytest.mark.parametrize("size", [1, 2, 7, 64, 1000])
@pytest.mark.parametrize("request_of", [declared, chunked])
async def test_however_an_offer_is_cut_the_bytes_are_the_bytes(door: Door, request_of: Any, size: int) -> None:
    """Two requests with an offer and one without, on one connection, cut at each place."""
    stream = request_of(door.signed() + H2C) * 2 + declared(door.signed())
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for at in range(0, len(stream), size):
        writer.write(stream[at : at + size])
        await asyncio.sleep(0)
    said = b""
    while len(statuses(said)) < 3 or not said.endswith(b"OK"):
        said += await asyncio.wait_for(reader.read(65536), 60)
    writer.close()
    assert statuses(said) == [200, 200, 200]
    assert kept(door) == [BODY] * 3


async def test_upgrades_behind_pipelined_requests(door: Door) -> None:
    """Offers before, between and after; the forged one in between is refused and nothing slips."""
    plain, offer = declared(door.signed()), declared(door.signed() + H2C)
    forged = declared(door.signed() + WEBSOCKET, BODY.replace(b'"Done"', b'"Fine"'))
    said = await door.say(plain + offer + forged + chunked(door.signed() + H2C) + plain, half_close=True)
    assert statuses(said) == [200, 200, 401, 200, 200]
    assert kept(door) == [BODY] * 4


async def test_what_stands_in_a_body_behind_an_offer_is_no_request(door: Door) -> None:
    """A body that looks like a request is a body."""
    inner = declared(door.signed())
    said = await door.say(declared(H2C, inner) + post(door.signed(), BODY))
    assert statuses(said)[0] == 401
    assert kept(door) in ([], [BODY])  # what follows a refusal with an unread body may be thrown away
    assert len(statuses(said)) <= 2


@pytest.mark.parametrize("body", [b"", b"x"])
async def test_an_offer_that_comes_without_a_body_is_answered(door: Door, body: bytes) -> None:
    """GET with an offer, and POST with an empty body."""
    get = b"GET %s HTTP/1.1\r\nhost: x\r\n%s\r\n" % (PATH, H2C)
    assert statuses(await door.say(get + get + declared(H2C, body), half_close=True)) == [405, 405, 401]


async def test_an_offer_with_expect_gets_its_leave(door: Door) -> None:
    """Both headers at once, as curl sends them with a large body."""
    whole = declared(door.signed() + H2C + b"expect: 100-continue\r\n")
    head, body = whole[: -len(BODY)], whole[-len(BODY) :]
    assert statuses(await door.say(head, body, pause_s=0.1, half_close=True)) == [100, 200]


async def test_an_offer_does_not_lift_a_limit(door: Door) -> None:
    """Body, fields and framing are as bounded as without."""
    assert statuses(await door.say(declared(door.signed() + H2C, b"x" * 5000))) == [413]
    assert statuses(await door.say(chunked(door.signed() + H2C, b"x" * 5000))) == [413]
    both = H2C + b"transfer-encoding: chunked\r\n"
    assert statuses(await door.say(declared(door.signed() + both))) == [400]
    broken = chunked(door.signed() + H2C).replace(b"\r\n0\r\n", b"\r\nno\r\n")
    assert statuses(await door.say(broken)) == [400]
    assert kept(door) == []


@pytest.mark.parametrize("request_of", [declared, chunked])
async def test_a_caller_that_says_it_will_send_no_more_gets_its_answers(patient: Door, request_of: Any) -> None:
    """One request or many, and at once, not after the keep-alive time."""
    door, loop = patient, asyncio.get_running_loop()
    started = loop.time()
    assert statuses(await door.say(request_of(door.signed()), half_close=True)) == [200]
    assert statuses(await door.say(request_of(door.signed()) * 5, half_close=True)) == [200] * 5
    assert statuses(await door.say(request_of(door.signed()), pause_s=0.1, half_close=True)) == [200]
    assert loop.time() - started < AT_ONCE_S
    assert kept(door) == [BODY] * 7


@pytest.fixture
def slow(door: Door) -> asyncio.Event:
    """Commits wait until it is set."""
    go_on = asyncio.Event()
    append = door.way.inbox.append

    async def wait(callback: VerifiedCallback) -> int:
        await go_on.wait()
        return await append(callback)

    door.way.inbox.append = wait  # type: ignore[method-assign]
    return go_on


async def after(go_on: asyncio.Event, seconds: float) -> None:
    """Let the commits go on, some time from now."""
    await asyncio.sleep(seconds)
    go_on.set()


async def test_a_half_closed_caller_is_waited_for_as_long_as_its_commit_takes(door: Door, slow: asyncio.Event) -> None:
    """Its request was whole; a request behind it that is not is dropped, and takes nothing with it."""
    waiting = asyncio.create_task(after(slow, 0.5))
    whole = declared(door.signed())
    assert statuses(await door.say(whole + whole[:-10], half_close=True)) == [200]
    await waiting
    assert kept(door) == [BODY]


async def test_half_a_request_and_no_more_is_closed_at_once(patient: Door) -> None:
    """Nobody waits for what was said not to come."""
    door, whole = patient, declared(patient.signed())
    for piece in (b"", whole[:20], whole[:-10], chunked(door.signed())[:-30]):
        loop = asyncio.get_running_loop()
        started = loop.time()
        assert await door.say(piece, half_close=True) == b""
        assert loop.time() - started < AT_ONCE_S
    assert kept(door) == []


@pytest.mark.parametrize("junk", [b"\x16\x03\x01\x02\x00", b"nonsense\r\n\r\n", b"POST / HTTP/1.1\r\na b: c\r\n\r\n"])
async def test_junk_behind_a_request_waits_for_that_ones_answer(door: Door, slow: asyncio.Event, junk: bytes) -> None:
    """Else the 400 would be taken for the answer to a callback that is being committed."""
    waiting = asyncio.create_task(after(slow, 0.3))
    assert statuses(await door.say(declared(door.signed()) * 2 + junk)) == [200, 200, 400]
    await waiting
    assert kept(door) == [BODY, BODY]


async def test_a_body_that_breaks_behind_a_request_waits_too(door: Door, slow: asyncio.Event) -> None:
    """The broken one is never given to the application as whole."""
    waiting = asyncio.create_task(after(slow, 0.3))
    broken = chunked(door.signed()).replace(b"\r\n0\r\n", b"\r\nno\r\n")
    assert statuses(await door.say(declared(door.signed()) + broken)) == [200, 400]
    await waiting
    assert kept(door) == [BODY]


OLD = b"POST %s HTTP/1.0\r\n%s%scontent-length: %d\r\n\r\n%s"


@pytest.mark.parametrize(
    "line", [b"", b"connection: keep-alive\r\n", b"connection: close\r\n", H2C, b"via: 1.0 old\r\n"]
)
async def test_http_1_0_is_answered_and_closed(door: Door, line: bytes) -> None:
    """With and without keep-alive: the answer has its length and says that it is the last."""
    said = await door.say(OLD % (PATH, door.signed(), line, len(BODY), BODY))
    assert statuses(said) == [200]
    assert b"connection: close" in said
    assert b"content-length: 2" in said
    assert kept(door) == [BODY]


async def test_http_1_0_is_never_told_to_go_on(door: Door) -> None:
    """It would take "100 Continue" for its answer (RFC 9110, 10.1.1)."""
    whole = OLD % (PATH, door.signed(), b"expect: 100-continue\r\n", len(BODY), BODY)
    assert statuses(await door.say(whole)) == [200]


async def test_a_body_without_its_length_is_none(door: Door) -> None:
    """A request has no body that ends with the connection, HTTP/1.0 included (RFC 9112, 6.3): refused."""
    for version in (b"1.0", b"1.1"):
        head = b"POST %s HTTP/%s\r\n%sconnection: close\r\n\r\n" % (PATH, version, door.signed())
        assert statuses(await door.say(head + BODY, half_close=True)) == [401]
    assert kept(door) == []


@pytest.mark.parametrize(
    "target", [b"http://merchant.example%s", b"https://merchant.example:8443%s", b"HTTP://[::1]:80%s", b"%s?a=b"]
)
async def test_targets_in_every_form(door: Door, target: bytes) -> None:
    """As a proxy sends them (RFC 9112, 3.2.2); a query is not looked at."""
    assert statuses(await door.say(post(door.signed(), BODY, target % PATH))) == [200]


@pytest.mark.parametrize("target", [b"http://merchant.example", b"http://merchant.example?a", b"*", b"http://h/", b"?"])
async def test_targets_without_a_path_are_no_worse_than_others(door: Door, target: bytes) -> None:
    """404 for what names nothing, 400 for what is no target; never an error of ours."""
    assert statuses(await door.say(post(b"", BODY, target)))[0] in {400, 404}
    assert door.way.log.named("callback.internal_error") == []


async def test_a_proxys_target_without_a_path_is_its_root(door: Door) -> None:
    """RFC 9112, 3.2.2."""
    assert statuses(await door.say(post(b"", b"", b"http://merchant.example"))) == [404]


CODINGS = [
    b"gzip, chunked",
    b"gzip",
    b"identity",
    b"chunked, gzip",
    b"chunked, chunked",
    b"x\r\ntransfer-encoding: chunked",
]


@pytest.mark.parametrize("coding", CODINGS)
async def test_other_transfer_codings_are_refused(door: Door, coding: bytes) -> None:
    """What was packed on the way is not what was signed; 400, said why."""
    whole = chunked(door.signed()).replace(b"transfer-encoding: chunked", b"transfer-encoding: " + coding)
    assert statuses(await door.say(whole)) == [400]
    assert kept(door) == []
    whys = [why for why in HTTP_ERRORS if door.count("receiver_http_errors_total", why=why)]
    assert whys == (["malformed"] if coding.startswith(b"chunked") else ["transfer_coding"])  # the first: the parser's
    assert len(door.named(whys[0])) == 1


async def test_chunked_in_any_case_and_with_spaces_around(door: Door) -> None:
    """A coding's name has no case (RFC 9112, 7)."""
    for word in (b"Chunked", b"CHUNKED", b" chunked "):
        whole = chunked(door.signed()).replace(b"encoding: chunked", b"encoding: " + word)
        assert statuses(await door.say(whole, half_close=True)) == [200]


@pytest.mark.parametrize(
    "whole",
    [b"post %s HTTP/1.1\r\n\r\n" % PATH, b"Post %s HTTP/1.1\r\n\r\n" % PATH, b"CONNECT x:1 HTTP/1.1\r\n\r\n",
     b"POST %s HTTP/1.1\r\nx-a: 1\r\n 2\r\n\r\n" % PATH, b"POST %s HTTP/1.1\r\n x-a: 1\r\n\r\n" % PATH,
     b"POST %s HTTP/1.1\r\nx-a : 1\r\n\r\n" % PATH, b"CONNECT x:1 HTTP/1.1\r\n" + H2C + b"\r\n"],
    ids=["lower case", "mixed case", "CONNECT", "folded header", "folded first", "space, colon", "CONNECT, offer"],
)  # fmt: skip
async def test_what_the_rules_refuse_is_refused(door: Door, whole: bytes) -> None:
    """A method has a case; folding, and a space before the colon, are smuggling's tools. Counted, and said once."""
    for _ in range(3):
        assert statuses(await door.say(whole + b"POST %s HTTP/1.1\r\n\r\n" % PATH)) == [400]
    assert door.count("receiver_http_errors_total", why="malformed") == 3
    assert len(door.named("malformed")) == 1


WRONG = {
    "proxy_protocol": [
        b"PROXY TCP4 192.0.2.1 192.0.2.2 51234 8080\r\n",
        b"PROXY UNKNOWN\r\n",
        b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x01\xc0\x00\x02\x02\xc8\x22\x1f\x90",
        b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00",
    ],
    "tls": [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2],
    "http2": [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + b"\x00" * 18],
}
HINTS = {"proxy_protocol": "switch it off at the proxy", "tls": "a plain port", "http2": "HTTP/1.1"}


@pytest.mark.parametrize("size", [1, 3, 100_000])
@pytest.mark.parametrize("why", WRONG)
async def test_another_protocol_gets_400_and_is_named_once(door: Door, why: str, size: int) -> None:
    """A measure taken at a proxy by mistake: counted each time, one line in the log, however it is cut."""
    openings = WRONG[why]
    for opening in openings * 3:
        stream = opening + declared(door.signed())
        pieces = [stream[at : at + size] for at in range(0, 24, size)] if size < 24 else [stream]
        assert statuses(await door.say(*pieces, half_close=size > 24)) == [400]
    assert door.count("receiver_http_errors_total", why=why) == len(openings) * 3
    (line,) = door.named(why)
    assert HINTS[why] in line["detail"]
    assert kept(door) == []


async def test_headers_over_the_limit_are_counted(door: Door) -> None:
    """The parser's 431 is no answer of the application's, and has a number of its own."""
    assert statuses(await door.say(post(b"".join(b"x-%d: 1\r\n" % number for number in range(300)), BODY))) == [431]
    assert door.count("receiver_http_errors_total", why="headers_too_large") == 1
    assert len(door.named("headers_too_large")) == 1


@pytest.mark.parametrize("head", [b"", H2C])
async def test_expect_with_a_body_over_the_limit_is_refused_instead(door: Door, head: bytes) -> None:
    """Declared: 413 and no leave, whether the caller waits for it or sends at once. In chunks: at the limit."""
    expect = door.signed() + head + b"expect: 100-continue\r\n"
    whole = declared(expect, b"x" * 300_000)
    assert statuses(await door.say(whole[:-300_000])) == [413]
    assert statuses(await door.say(whole)) == [413]
    assert statuses(await door.say(chunked(expect, b"x" * 300_000), pause_s=0.1)) == [100, 413]


async def test_a_refusal_that_leaves_a_body_unread_ends_the_connection(door: Door) -> None:
    """The body is never taken for a next request."""
    inner = declared(door.signed())
    refused = b"POST /webhooks/nobody HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(inner)
    said = await door.say(refused, inner + declared(door.signed()), pause_s=0.1)
    assert statuses(said) == [404]
    assert b"connection: close" in said
    assert kept(door) == []
