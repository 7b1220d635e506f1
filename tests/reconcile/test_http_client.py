"""One call over HTTP: what limits it, and what its failures are called."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from receiver.model.errors import ApiFailed
from receiver.providers.calls import Answer, Call
from receiver.reconcile import http_client
from receiver.reconcile.http_client import HttpClient

SECRET_URL = "http://127.0.0.1:9/orders?token=hunter2"
CALL = Call("POST", "http://127.0.0.1:9/orders", (("x-signature", "00"),), b'{ "as": "signed" }')


class Server:
    """Answers as it is told, in the place of a network."""

    def __init__(self) -> None:
        self.seen: list[httpx.Request] = []
        self.answer: httpx.Response | Exception | float = httpx.Response(200)

    async def handle(self, request: httpx.Request) -> httpx.Response:
        """One request."""
        self.seen.append(request)
        if isinstance(self.answer, float):
            await asyncio.sleep(self.answer)
            return httpx.Response(200)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


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
