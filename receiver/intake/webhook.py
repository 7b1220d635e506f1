"""Webhook: takes a provider's callback, has it proven and made safe, and only then answers 200.

A raw ASGI endpoint on a Starlette route, without middleware: measured, ``Request`` and ``Response`` objects cost a
third of the throughput and one ``BaseHTTPMiddleware`` four fifths. Every answer is one of the contract's table, in its
order; an error of our own is a 503, so that the provider tries again, and never a 500.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.routing import Match, Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from receiver.intake import admit
from receiver.intake.metrics import NO_SOURCE, IntakeMetrics
from receiver.intake.rates import Rates
from receiver.intake.repeats import RepeatLog, Repeats
from receiver.journal.ports import Inbox
from receiver.model.callback import Headers, RawCallback, VerifiedCallback
from receiver.model.clock import Clock
from receiver.model.errors import BodyTooLarge, MethodNotAllowed, NotFound, Refusal, Unauthorized, Unavailable
from receiver.providers.contract import Provider, Source, Sources

WEBHOOKS = "/webhooks"
LINGER_BYTES_MAX = 16 * 1024 * 1024
LINGER_S = 1.0
"""After an answer that leaves a body unread: how much of it is thrown away, and for how long, before the connection
closes. Closing at once makes the kernel send a reset, which can take the answer away from the caller."""
REFUSED_LINES_PER_S = 10
"""Log lines for refused callbacks; the rest is counted, so that junk cannot fill a disk with its log."""

OK_START: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"2")],
}
OK_BODY: Message = {"type": "http.response.body", "body": b"OK"}


class Rejects(Protocol):
    """Where a sample of the refused callbacks is kept."""

    def wants(self, source: str, why: str) -> bool:
        """Whether the next one of this source and reason is to be kept."""

    def keep(self, raw: RawCallback, why: str) -> None:
        """Keep it."""


class Caller(Protocol):
    """Who sends a request, as its connection knows it."""

    def refused(self) -> str | None:
        """Why no body is taken of it now, None where one is."""

    def proven(self) -> None:
        """Its request is a genuine callback."""

    def answer_ok(self) -> bool:
        """Answer 200 at once; False where that has to be sent in the application's usual way."""


class Disconnected(Exception):
    """The caller went away before its body was whole: nothing is kept, nobody is left to answer."""


@dataclass(slots=True)
class Intake:
    """What the endpoint works with; ``sources`` is replaced whole when secrets are read again."""

    sources: Sources
    inbox: Inbox
    clock: Clock
    body_bytes_max: int
    log: Any
    metrics: IntakeMetrics
    on_committed: Callable[[], None]
    rejects: Rejects
    repeats: Repeats
    rates: Rates
    stopping: bool = False


class Webhook:
    """``POST /webhooks/{source}``."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._refused = _BoundedRefusals(intake)
        self._repeats = RepeatLog(intake.clock, intake.log, intake.metrics)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        headers: Headers = tuple(scope["headers"])
        source = scope.get("path_params", {}).get("source", NO_SOURCE)
        caller: Caller | None = scope.get("state", {}).get("caller")
        unread, body = True, b""
        try:
            started_s, now_us = self._intake.clock.monotonic_s(), self._intake.clock.now_us()
            admit.check_headers(headers)
            provider, source_record = self._find(scope, source, caller)
            claim = admit.admit_headers(provider, source_record, headers, now_us // 1_000_000)
            admit.check_declared(headers, self._intake.body_bytes_max)
            body = await _read(receive, self._intake.body_bytes_max)
            unread = False
            verified = admit.admit_body(provider, source_record, claim, RawCallback(source, now_us, headers, body))
            if caller is not None:
                caller.proven()
            kept = await self._intake.repeats.keep(verified, self._append)
        except Refusal as refusal:
            rest = await self._refuse(refusal, headers, source, receive, send, unread=unread)
            if rest is not None:
                self._intake.rejects.keep(RawCallback(source, now_us, headers, body or rest), refusal.why)
            return
        except Disconnected:
            return
        except Exception:  # whatever it was, the provider must try again
            if self._refused.may_say():
                self._intake.log.exception("callback.internal_error", source=self._label(source))
            await self._refuse(Unavailable("internal_error"), headers, source, receive, send, unread=unread)
            return
        if not kept.repeated:
            self._intake.on_committed()
        if caller is None or not caller.answer_ok():
            await send(OK_START)
            await send(OK_BODY)
        self._intake.metrics.answered(source, 200)
        if kept.repeated:
            self._repeats.note(source, kept.number, now_us)
        else:
            self._note(source, kept.number, len(body), started_s, now_us)

    def _append(self, verified: VerifiedCallback) -> Awaitable[int]:
        if not self._intake.rates.take(verified.source):
            self._intake.metrics.limited(verified.source)
            raise Unavailable("rate_limited")
        return self._intake.inbox.append(verified)

    def _find(self, scope: Scope, name: str, caller: Caller | None) -> tuple[Provider, Source]:
        found = self._intake.sources.get(name)
        if found is None:
            raise NotFound
        if scope["method"] != "POST":
            raise MethodNotAllowed
        why = "stopping" if self._intake.stopping else self._intake.inbox.accepting()
        if why is None and caller is not None:
            why = caller.refused()
        if why is not None:
            raise Unavailable(why)
        return found

    def _note(self, source: str, number: int, size: int, started_s: float, received_at_us: int) -> None:
        duration_s = self._intake.clock.monotonic_s() - started_s
        self._intake.metrics.committed(source, duration_s, received_at_us)
        self._intake.log.info(
            "callback.accepted", source=source, callback=number, bytes=size, duration_ms=round(duration_s * 1000, 3)
        )

    async def _refuse(  # noqa: PLR0913  one request's parts
        self, refusal: Refusal, headers: Headers, source: str, receive: Receive, send: Send, *, unread: bool
    ) -> bytes | None:
        # Gives what was left of the body where the callback belongs to the sample of refused ones, else None.
        label = self._label(source)
        self._intake.metrics.answered(label, refusal.status)
        self._refused.log(label, refusal)
        wanted = isinstance(refusal, Unauthorized) and self._intake.rejects.wants(source, refusal.why)
        unread = unread and admit.has_body(headers)
        keep_max = self._intake.body_bytes_max if wanted else 0
        rest = await answer(refusal, receive, send, unread=unread, keep_max=keep_max)
        return rest if wanted else None

    def _label(self, source: str) -> str:
        return source if source in self._intake.sources else NO_SOURCE


class WebhookRoute(Route):
    """Starlette's route without a pattern for its one parameter: sampled, a twentieth of the event loop's time."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match ``/webhooks/{source}``."""
        folder, _, source = scope["path"].rpartition("/")
        if folder != WEBHOOKS or not source or b"%2f" in scope.get("raw_path", b"").lower():
            return Match.NONE, {}  # a slash that was written as an escape divides nothing (RFC 3986, 2.2)
        return Match.FULL, {"endpoint": self.endpoint, "path_params": {"source": source}}


def make_app(intake: Intake) -> ASGIApp:
    """The public application: one route, JSON 404 for all else, no redirects."""
    webhook = Webhook(intake)
    return Router([WebhookRoute(WEBHOOKS + "/{source}", webhook)], redirect_slashes=False, default=webhook)


async def answer(refusal: Refusal, receive: Receive, send: Send, *, unread: bool, keep_max: int = 0) -> bytes:
    """Send a refusal. ``unread``: the request has a body that was not read; then the connection is closed.

    Gives up to ``keep_max`` bytes of that body.
    """
    body = b'{"error": "%s"}' % refusal.code.encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if isinstance(refusal, Unavailable):
        headers.append((b"retry-after", str(refusal.retry_after_s).encode()))
    if isinstance(refusal, MethodNotAllowed):
        headers.append((b"allow", b"POST"))
    if unread:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": unread})
    if not unread:
        return b""
    kept = await _linger(receive, keep_max)
    await send({"type": "http.response.body", "body": b""})
    return kept


async def _read(receive: Receive, bytes_max: int) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    if message["type"] == "http.request" and not message.get("more_body", False) and len(body) <= bytes_max:
        return body
    # One growing buffer: a list of pieces takes many times their size where each is one byte.
    whole = bytearray(body)
    while message["type"] == "http.request":
        if len(whole) > bytes_max:
            raise BodyTooLarge("streamed")
        if not message.get("more_body", False):
            return bytes(whole)
        message = await receive()
        whole += message.get("body", b"")
    raise Disconnected


async def _linger(receive: Receive, keep_max: int) -> bytes:
    kept = bytearray()
    left = LINGER_BYTES_MAX
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            while left > 0:
                message = await receive()
                piece: bytes = message.get("body", b"")
                kept += piece[: keep_max - len(kept)]
                left -= len(piece)
                if message["type"] != "http.request" or not message.get("more_body", False):
                    break
    return bytes(kept)


class _BoundedRefusals:
    """Logs refusals, at most so many a second."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._second = -1
        self._lines = 0
        self._suppressed = 0

    def may_say(self) -> bool:
        second = int(self._intake.clock.monotonic_s())
        if second != self._second:
            self._second, self._lines = second, 0
        self._lines += 1
        return self._lines <= REFUSED_LINES_PER_S

    def log(self, source: str, refusal: Refusal) -> None:
        if not self.may_say():
            self._suppressed += 1
            return
        suppressed, self._suppressed = self._suppressed, 0
        self._intake.log.warning(
            "callback.refused",
            source=source,
            status=refusal.status,
            error=refusal.code,
            why=refusal.why,
            **({"suppressed": suppressed} if suppressed else {}),
        )
