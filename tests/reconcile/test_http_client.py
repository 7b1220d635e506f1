"""One call over HTTP: what limits it, and what its failures are called."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator

import httpx
import pytest

from receiver.model.errors import ApiFailed
from receiver.providers.calls import Answer, Call
from receiver.reconcile import http_client
from receiver.reconcile.http_client import HttpClient

SECRET_URL = "http://127.0.0.1:9/orders?token=hunter2"
CALL = Call("POST", "http://127.0.0.1:9/orders", (("x-signature", "00"),), b'{ "as": "signed" }')


class Wire(httpx.AsyncByteStream):
    """A body as it comes from a socket: piece by piece, and not decoded by anybody yet."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.pieces_taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """In pieces of a thousand bytes."""
        for at in range(0, len(self.body), 1000):
            self.pieces_taken += 1
            yield self.body[at : at + 1000]


class Server:
    """Answers as it is told, in the place of a network."""

    def __init__(self) -> None:
        self.seen: list[httpx.Request] = []
        self.answer: httpx.Response | Exception | float = httpx.Response(200)
        self.wire: Wire | None = None
        """In the place of the answer, with the status and headers below."""
        self.headers: dict[str, str] = {}
        self.status = 200

    async def handle(self, request: httpx.Request) -> httpx.Response:
        """One request."""
        self.seen.append(request)
        if self.wire is not None:
            return httpx.Response(self.status, headers=self.headers, stream=self.wire)
        if isinstance(self.answer, float):
            await asyncio.sleep(self.answer)
            return httpx.Response(200)
        if isinstance(self.answer, Exception):
            raise self.answer
        return httpx.Response(self.answer.status_code, headers=self.answer.headers, stream=Wire(self.answer.content))


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    """Whatever is asked, it answers."""
    made = Server()
    client = httpx.AsyncClient
    monkeypatch.setattr(
        "receiver.reconcile.http_client.httpx.AsyncClient",
        lambda **settings: client(transport=httpx.MockTransport(made.handle), **settings),
    )
    return made


@pytest.fixture
async def client(server: Server) -> AsyncIterator[HttpClient]:
    """Closed at the end."""
    assert server.seen == []
    made = HttpClient()
    yield made
    await made.close()


async def failure(client: HttpClient, call: Call = CALL, timeout_s: float = 5) -> tuple[str, str]:
    """What a call that fails is called, and why."""
    with pytest.raises(ApiFailed) as failed:
        await client.send(call, timeout_s)
    return failed.value.failure, failed.value.why


@pytest.mark.parametrize(
    ("said", "retry_after_s"),
    [("17", 17.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-1", None), ("99999999", None), ("", None)],
)
async def test_a_call_is_sent_byte_for_byte(
    client: HttpClient, server: Server, said: str, retry_after_s: float | None
) -> None:
    """And its answer given with how long to wait, where that is a sensible number of seconds."""
    server.answer = httpx.Response(429, content=b"slower", headers={"retry-after": said})
    assert await client.send(CALL, 5) == Answer(429, b"slower", retry_after_s)
    (request,) = server.seen
    assert (request.method, request.content, request.headers["x-signature"]) == ("POST", CALL.body, "00")


async def test_a_redirect_is_an_answer(client: HttpClient, server: Server) -> None:
    """A signed body goes nowhere else."""
    server.answer = httpx.Response(307, headers={"location": "http://127.0.0.1:9/elsewhere"})
    assert (await client.send(CALL, 5)).status == 307
    assert len(server.seen) == 1


async def test_an_answer_has_a_limit(client: HttpClient, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """One byte more is nonsense."""
    monkeypatch.setattr(http_client, "BODY_BYTES_MAX", 10)
    server.answer = httpx.Response(200, content=b"x" * 10)
    assert (await client.send(CALL, 5)).body == b"x" * 10
    server.answer = httpx.Response(200, content=b"x" * 11)
    assert await failure(client) == ("nonsense", "a body over 10 bytes")


async def test_no_answer_in_time_is_down(client: HttpClient, server: Server) -> None:
    """The time is that of the whole call."""
    server.answer = 5.0
    assert await failure(client, timeout_s=0.01) == ("down", "no answer within 0.01 s")


async def test_what_fails_on_the_way_is_down_and_quotes_no_url(client: HttpClient, server: Server) -> None:
    """The client's own message could hold a secret."""
    server.answer = httpx.ConnectError(f"cannot reach {SECRET_URL}")
    assert await failure(client, Call("GET", SECRET_URL, ())) == ("down", "ConnectError")
    assert await failure(client, Call("GET", "http://a:port", ())) == ("down", "InvalidURL")


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate", "br", "zstd", "GZIP", "identity, gzip", "gzip, gzip"])
async def test_a_compressed_answer_is_refused_before_a_byte_of_it_is_read(
    client: HttpClient, server: Server, coding: str
) -> None:
    """Two kilobytes of it can be two gigabytes once they are read; we ask for no such answer."""
    server.wire, server.headers = Wire(gzip.compress(gzip.compress(bytes(10_000_000)))), {"content-encoding": coding}
    assert await failure(client) == ("nonsense", "a compressed answer, which was not asked for")
    assert server.wire.pieces_taken == 0
    assert server.seen[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("coding", ["identity", " Identity ", ""])
async def test_an_answer_that_says_it_is_as_it_is_is_read(client: HttpClient, server: Server, coding: str) -> None:
    """And is counted as it came: what looks compressed in it stays so."""
    body = gzip.compress(b"a file")
    server.wire, server.headers = Wire(body), {"content-encoding": coding}
    assert (await client.send(CALL, 5)).body == body


async def test_a_body_without_end_is_not_read_to_its_end(
    client: HttpClient, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit counts the bytes of the wire, and ends the call where they pass it."""
    monkeypatch.setattr(http_client, "BODY_BYTES_MAX", 3_000)
    server.wire = Wire(bytes(1_000_000))
    assert await failure(client) == ("nonsense", "a body over 3000 bytes")
    assert server.wire.pieces_taken == 4


async def test_a_compressed_error_is_still_an_error_of_its_status(client: HttpClient, server: Server) -> None:
    """What a proxy before an API that is down compresses is not looked at."""
    server.wire, server.status = Wire(gzip.compress(b"try later")), 503
    server.headers = {"content-encoding": "gzip", "retry-after": "30"}
    assert await client.send(CALL, 5) == Answer(503, b"", 30.0)
    assert server.wire.pieces_taken == 0
