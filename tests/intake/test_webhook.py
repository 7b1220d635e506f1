"""The HTTP table of the contract, in its order, against the application itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from receiver.intake.webhook import LINGER_BYTES_MAX, REFUSED_LINES_PER_S
from receiver.model.errors import Unavailable
from tests.support import NOW_S, OXPAY_VECTORS, Way

BODY: bytes = OXPAY_VECTORS["bodies"][0]["body"].encode()
PATH = "/webhooks/0xpay-main"


def signed(way: Way, body: bytes = BODY, source: str = "0xpay-main") -> list[tuple[bytes, bytes]]:
    """The provider's headers for a body, now."""
    provider, found = way.intake.sources[source]
    return list(provider.sign(body, found, NOW_S))


async def refused(way: Way, method: str, path: str, headers: Any, content: Any, status: int, error: str) -> Any:
    """Send a request, and check the whole refusal: status, type, body, and that nothing was kept."""
    answer = await way.request(method, path, headers, content)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"error": error}
    assert way.inbox.entries == []
    return answer


async def test_a_genuine_callback_is_kept_before_it_is_answered() -> None:
    """200 ``OK``; headers, bytes and time of receipt are in the inbox, and the relay is woken once."""
    way = Way()
    answer = await way.post(
        "0xpay-main", BODY, [*signed(way), (b"X-Odd", b"\xe9"), (b"x-twice", b"1"), (b"x-twice", b"2")]
    )
    assert (answer.status_code, answer.content) == (200, b"OK")
    (entry,) = way.inbox.entries
    kept = entry.callback
    assert (kept.source, kept.body, kept.received_at_us) == ("0xpay-main", BODY, way.clock.us)
    assert (b"x-odd", b"\xe9") in kept.headers
    assert [value for name, value in kept.headers if name == b"x-twice"] == [b"1", b"2"]
    assert way.woken == 1


@pytest.mark.parametrize(
    "path",
    ["/", "/webhooks", "/webhooks/", "/webhooks/0xpay-main/", "/webhooks/nobody", "/webhooks/0xpay-main/x", "/livez",
     "/readyz", "/metrics", "/webhooks/0XPAY-MAIN", "//webhooks/0xpay-main", "/webhooks/0xpay-main%2f"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_any_other_path_is_404_and_never_a_redirect(method: str, path: str) -> None:
    """Also with a genuine signature, and whatever the method."""
    way = Way()
    await refused(way, method, path, signed(way), BODY if method == "POST" else b"", 404, "not_found")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
async def test_anything_but_post_is_405(method: str) -> None:
    """With the method that is allowed, before anything else is looked at."""
    answer = await refused(Way(), method, PATH, [], b"", 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


async def test_head_is_405() -> None:
    """The server leaves its body out."""
    assert (await Way().request("HEAD", PATH)).status_code == 405


async def test_header_limits_come_first() -> None:
    """101 fields or more than 32 KiB: 431, on every path."""
    many = [(f"x-{number}".encode(), b"1") for number in range(101)]
    for path in (PATH, "/nowhere"):
        await refused(Way(), "POST", path, many, b"", 431, "headers_too_large")
        await refused(Way(), "POST", path, [(b"x-big", b"a" * 33_000)], b"", 431, "headers_too_large")


async def test_ten_kilobytes_of_header_are_no_reason_to_refuse() -> None:
    """A genuine callback with a long odd header is taken."""
    way = Way()
    assert (await way.post("0xpay-main", BODY, [*signed(way), (b"x-long", b"a" * 10_240)])).status_code == 200


@pytest.mark.parametrize("why", ["disk_full", "queue_full", "stopping"])
async def test_what_cannot_be_made_safe_is_503_before_the_signature_is_looked_at(why: str) -> None:
    """With ``Retry-After``; the caller does not learn the reason, the log does."""
    way = Way()
    if why == "stopping":
        way.intake.stopping = True
    else:
        way.inbox.refuse = why
    answer = await refused(way, "POST", PATH, [], BODY, 503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert way.log.named("callback.refused")[0]["why"] == why


async def test_a_failed_commit_is_503(monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider tries again; the relay is not woken."""
    way = Way()

    async def fails(_: object) -> int:
        raise Unavailable("commit_failed")

    monkeypatch.setattr(way.inbox, "append", fails)
    answer = await refused(way, "POST", PATH, signed(way), BODY, 503, "unavailable")
    assert answer.headers["retry-after"] == "10"
    assert way.woken == 0


async def test_a_bug_is_503_and_never_500(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody retries on some 4xx, and a 500 tells nobody whether to."""
    way = Way()

    async def bug(_: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(way.inbox, "append", bug)
    await refused(way, "POST", PATH, signed(way), BODY, 503, "unavailable")
    assert way.log.named("callback.internal_error") == [{"source": "0xpay-main"}]


async def test_a_bad_claim_is_401_before_the_body_is_read() -> None:
    """A body that would never end does not matter."""
    way, read = Way(), 0

    async def receive() -> dict[str, Any]:
        nonlocal read
        read += 1
        return {"type": "http.request", "body": b"x" * 1024, "more_body": True}

    sent = await call(way, [(b"signature", b"nonsense"), (b"transfer-encoding", b"chunked")], receive)
    assert sent[0]["status"] == 401
    assert (b"connection", b"close") in sent[0]["headers"]
    assert sent[1]["body"] == b'{"error": "unauthorized"}'
    assert read <= LINGER_BYTES_MAX // 1024


async def call(way: Way, headers: Any, receive: Any) -> list[dict[str, Any]]:
    """Run the application on hand-made ASGI messages."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": PATH, "root_path": "", "headers": headers, "query_string": b""}
    await way.app(scope, receive, send)
    return sent


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_over_the_limit_is_413_before_more_is_read(*, declared: bool) -> None:
    """Declared: before any of it; streamed: at the first piece that passes the limit."""
    way = Way(body_bytes_max=1024)
    pieces = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal pieces
        for _ in range(64):
            pieces += 1
            yield b"x" * 512

    headers = signed(way)
    if declared:
        await refused(way, "POST", PATH, headers, b"x" * 1025, 413, "body_too_large")
        return
    await refused(way, "POST", PATH, headers, endless(), 413, "body_too_large")


async def test_a_body_at_the_limit_is_taken_declared_or_streamed() -> None:
    """Inclusive; the pieces of a streamed body are joined byte for byte."""
    way = Way(body_bytes_max=1024)
    body = b'{"id": "%s"}' % (b"x" * (1024 - 10))
    assert len(body) == 1024

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, 1024, 100):
            yield body[at : at + 100]

    assert (await way.post("0xpay-main", body, signed(way, body))).status_code == 200
    assert (await way.post("0xpay-main", pieces(), signed(way, body))).status_code == 200  # type: ignore[arg-type]
    assert [entry.callback.body for entry in way.inbox.entries] == [body, body]


async def test_an_oversize_body_with_a_bad_signature_header_is_401() -> None:
    """The shape of the header comes before the size of the body."""
    way = Way(body_bytes_max=1024)
    await refused(way, "POST", PATH, [(b"signature", b"0")], b"x" * 5000, 401, "unauthorized")


async def test_a_tampered_body_is_401_and_logged_without_its_content() -> None:
    """One generic answer for whatever did not match."""
    way = Way()
    await refused(way, "POST", PATH, signed(way), BODY.replace(b"Done", b"Fail"), 401, "unauthorized")
    assert way.log.named("callback.refused") == [
        {"source": "0xpay-main", "status": 401, "error": "unauthorized", "why": "signature"}
    ]


@pytest.mark.parametrize(
    ("value", "status"), [(b"3f0c9a52-6d1e-4b7a-9c58-21e4b7d0a6f3", 200), (b"another", 401), (b"", 401), (b"\xff", 401)]
)
async def test_the_merchant_id_header(value: bytes, status: int) -> None:
    """Optional and unsigned; another account's is refused, after the signature."""
    way = Way()
    answer = await way.post("0xpay-main", BODY, [*signed(way), (b"merchant-id", value)])
    assert answer.status_code == status


async def test_a_caller_that_goes_away_in_the_middle_leaves_nothing() -> None:
    """Half a body is no callback, and nobody is left to answer."""
    way = Way()
    messages = iter([{"type": "http.request", "body": b"half", "more_body": True}, {"type": "http.disconnect"}])

    async def receive() -> Any:
        return next(messages)

    assert await call(way, signed(way), receive) == []
    assert way.inbox.entries == []


async def test_an_unread_body_is_thrown_away_for_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the answer arrives; a caller that never ends is cut off."""
    monkeypatch.setattr("receiver.intake.webhook.LINGER_S", 0.05)
    way = Way()

    async def never() -> Any:
        await asyncio.sleep(3600)

    sent = await asyncio.wait_for(call(way, [(b"content-length", b"10")], never), 60)
    assert [message["type"] for message in sent] == ["http.response.start", *["http.response.body"] * 2]
    assert not sent[-1].get("more_body", False)


async def test_refusals_are_logged_at_a_bounded_rate_and_all_counted() -> None:
    """Junk cannot fill a disk with its log; the next line says how many were left out."""
    way = Way()
    for _ in range(REFUSED_LINES_PER_S + 5):
        await way.post("0xpay-main", BODY, [])
    assert len(way.log.named("callback.refused")) == REFUSED_LINES_PER_S
    way.clock.advance(1)
    await way.post("0xpay-main", BODY, [])
    assert way.log.named("callback.refused")[-1]["suppressed"] == 5
    count = way.intake.metrics.registry.get_sample_value(
        "receiver_callbacks_total", {"source": "0xpay-main", "answer": "401"}
    )
    assert count == REFUSED_LINES_PER_S + 6


async def test_a_callers_invented_source_names_make_no_labels() -> None:
    """Label values are bounded, or a caller could fill our memory with them."""
    way = Way()
    for number in range(50):
        await way.request("POST", f"/webhooks/invented-{number}")
    labels = {
        s.labels["source"] for m in way.intake.metrics.registry.collect() for s in m.samples if "source" in s.labels
    }
    assert labels == {"-"}


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 50_000,
        b'{"a": "\\ud800"}',
        b'{"a": NaN}',
        b'{"a": 1' + b"0" * 100_000 + b"}",
        b"\x00" * 10,
        b"\xff\xfe",
        b"",
    ],
)
async def test_a_genuine_body_is_200_whatever_it_holds(body: bytes) -> None:
    """It is kept, and quarantined later; no content gives a 500."""
    way = Way()
    assert (await way.deliver("0xpay-main", body)).status_code == 200
    (record,) = way.interpret()
    assert record["reason"] in {"not_json", "not_utf8", "schema", "unknown_kind"}


async def test_content_type_and_host_are_ignored() -> None:
    """A proxy may rewrite what it likes; only the configured URL is signed."""
    way = Way()
    extra = [(b"content-type", b"text/plain"), (b"host", b"evil.example.com"), (b"x-forwarded-for", b"1.2.3.4")]
    assert (await way.request("POST", PATH + "?what=ever", [*signed(way), *extra], BODY)).status_code == 200
    assert json.loads(way.inbox.entries[0].callback.body)["status"] == "Done"
