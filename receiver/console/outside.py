"""What stands around the pages: names that we answer to, the path before ours, headers that bind a browser."""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from receiver.console.rules import AccessRules

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy: whatever a stranger writes into a callback, no browser runs it, loads it or sends to it."""
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


def outside(app: ASGIApp, rules: AccessRules, knows_host: Callable[[str], bool]) -> ASGIApp:
    """The application, as browsers may reach it."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        host = Headers(scope=scope).get("host", "")
        if not knows_host(host):
            said = "this console is not known by that name; console.hosts lists those that it has\n"
            await PlainTextResponse(said, 421)(scope, receive, with_headers)
            return
        await app(_below(scope, rules.base_path), receive, with_headers)

    return answer


def _below(scope: Scope, base_path: str) -> Scope:
    # A proxy may take the prefix off or leave it: both are understood.
    path = scope["path"]
    if base_path and (path == base_path or path.startswith(f"{base_path}/")):
        rest = path.removeprefix(base_path) or "/"
        raw = scope.get("raw_path", b"").removeprefix(base_path.encode()) or b"/"
        return {**scope, "path": rest, "raw_path": raw}
    return scope
