"""The console as an ASGI application: pages in threads of their own, and nothing for nobody.

Theory of operation. A page is a function that asks the journal and gives values; it runs in one of ``THREADS`` threads,
opens what it reads and closes it again, so that no transaction stays open while somebody looks at a page. What reads
is a GET with its question in the address, so that it can be kept, sent and gone back to; what asks for a change is a
POST from a form of ours, makes a request in the journal, and leads to a page that says how far that is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import quote, urlencode

import orjson
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, Router
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from receiver.console.access import COOKIE, SESSION_S, Door, Visitor, cleaned, same_origin
from receiver.console.actions import ACTIONS
from receiver.console.answers import TEXT_CHARACTERS_MAX, Ask, BadQuestion, GoTo, NoSuchPage, Page
from receiver.console.desk import Desk
from receiver.console.live import Live
from receiver.console.metrics import ConsoleMetrics
from receiver.console.outside import outside
from receiver.console.pages.routes import PAGES
from receiver.console.render import STATIC, Renderer
from receiver.console.replaying import Replays
from receiver.console.rules import AccessRules
from receiver.model.errors import ConfigurationError, JournalError, ReceiverError, StoreFailed
from receiver.model.hosts import is_loopback

THREADS = 2
"""Pages that are made at once; the rest of the console waits, and nobody else does."""
FORM_BYTES_MAX = 64 * 1024
"""A redrive of a whole request's worth of callbacks, each with its box, has a tenth of it."""


class Sorry(NamedTuple):
    """How a kind of error is answered."""

    status: int
    before: str = ""
    """The error's own sentence."""


SORRY: Mapping[type[Exception], Sorry] = {
    NoSuchPage: Sorry(404),
    BadQuestion: Sorry(400),
    JournalError: Sorry(503, "the journal cannot be read: "),
    StoreFailed: Sorry(503, "the journal cannot be read: "),
    ReceiverError: Sorry(409),
}
"""Error → answer; the first that fits."""
Answer = Page | GoTo
Make = Callable[[Desk, Ask], Answer]


class Console:
    """One console: its application, and what is behind it."""

    def __init__(self, desk: Desk, rules: AccessRules, metrics: ConsoleMetrics) -> None:
        """Opens nothing yet."""
        self._desk = replace(desk, replays=Replays(desk.context)) if rules.write else desk
        self._log = desk.context.log
        self._rules = rules
        # Without TLS there is loopback alone, where a browser would not send a secure cookie back.
        self._secure = not is_loopback(rules.host)
        self._metrics = metrics
        self._door = Door(rules)
        self._renderer = Renderer(self._door, simulator=desk.simulator is not None)
        self._threads = ThreadPoolExecutor(THREADS, "console")
        self.live = Live(desk.context, metrics)
        self.app = self._make_app()

    def close(self) -> None:
        """End the tail, a replay that is under way, and the threads."""
        if self._desk.replays is not None:
            self._desk.replays.close()
        self.live.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _make_app(self) -> ASGIApp:
        routes = [
            Mount("/static", StaticFiles(directory=STATIC)),
            Route("/login", self._login_form, methods=["GET"]),
            Route("/login", self._login, methods=["POST"]),
            Route("/logout", self._logout, methods=["POST"]),
            Route("/live/events", self._tail, methods=["GET"]),
            *(Route(path, self._page(make), methods=["GET"]) for path, make in PAGES.items()),
            *(Route(path, self._action(path, make), methods=["POST"]) for path, make in ACTIONS.items()),
        ]
        router = Router(routes, redirect_slashes=False, default=self._nowhere)
        return outside(router, self._rules, self._door.knows_host)

    def _page(self, make: Make) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            visitor = self._visitor(request)
            if visitor is None:
                return self._to_login(request)
            ask = Ask(visitor, dict(request.path_params), _fields(request.query_params))
            return await self._made(request, visitor, make, ask)

        return answer

    def _action(self, path: str, make: Make) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            visitor = self._visitor(request)
            if visitor is None:
                return self._to_login(request)
            form = await _form(request)
            refused = self._why_not(visitor, request, form)
            if refused is not None:
                self._metrics.refused.labels("write").inc()
                self._log.warning("console.refused", who=visitor.who, path=request.url.path, why=refused)
                return self._sorry(request, visitor, refused, 403)
            ask = Ask(visitor, dict(request.path_params), _fields(form), _chosen(form))
            answer = await self._made(request, visitor, make, ask)
            if answer.status_code == 303:
                self._metrics.requests.labels(path.rpartition("/")[2]).inc()
            return answer

        return answer

    def _why_not(self, visitor: Visitor, request: Request, form: QueryParams) -> str | None:
        if not visitor.writes:
            return "you may read here and change nothing; the write token, or a name among write_users, lets you"
        if not self._door.is_ours(visitor, request.headers, str(form.get("form", ""))):
            return "the form did not come from a page of this console, or is older than a day's work: load it again"
        return None

    async def _made(self, request: Request, visitor: Visitor, make: Make, ask: Ask) -> Response:
        loop = asyncio.get_running_loop()
        began_s = time.monotonic()
        try:
            return await loop.run_in_executor(self._threads, self._answer, request, make, ask)
        except Exception as error:  # noqa: BLE001  a page that fails is an answer and a line, and ends nothing
            said = next((to for kind, to in SORRY.items() if isinstance(error, kind)), None)
            if said is None:
                self._log.error("console.bug", path=request.url.path, exc_info=error)
                return self._sorry(request, visitor, "an error of ours; the log has it", 500)
            why = "; ".join(error.faults) if isinstance(error, ConfigurationError) else str(error)
            return self._sorry(request, visitor, f"{said.before}{why}", said.status)
        finally:
            self._metrics.page_seconds.observe(time.monotonic() - began_s)

    def _answer(self, request: Request, make: Make, ask: Ask) -> Response:
        answer = make(self._desk, ask)
        if isinstance(answer, GoTo):
            query = f"?{urlencode(answer.query)}" if answer.query else ""
            return RedirectResponse(self._rules.base_path + answer.path + query, 303)
        if answer.data is not None and request.query_params.get("format") == "json":
            return Response(orjson.dumps(answer.data), media_type="application/json")
        return self._shown(request, ask.visitor, answer)

    def _shown(self, request: Request, visitor: Visitor | None, page: Page) -> HTMLResponse:
        query = f"?{request.url.query}" if request.url.query else ""
        place = quote(request.url.path) + query
        now_us = self._desk.context.clock.now_us()
        return HTMLResponse(self._renderer.page(page, visitor, place, now_us), page.status)

    def _sorry(self, request: Request, visitor: Visitor | None, why: str, status: int) -> Response:
        title = {403: "Not allowed", 404: "Not found", 400: "Not understood", 503: "No journal"}.get(status, "Not done")
        return self._shown(request, visitor, Page("sorry.html", title, {"why": why}, status=status))

    async def _nowhere(self, scope: object, receive: object, send: object) -> None:
        request = Request(scope)  # type: ignore[arg-type]
        visitor = self._visitor(request)
        answer = (
            self._to_login(request)
            if visitor is None
            else self._sorry(request, visitor, f"there is no page {request.url.path} here", 404)
        )
        await answer(scope, receive, send)  # type: ignore[arg-type]

    def _visitor(self, request: Request) -> Visitor | None:
        return self._door.visitor(request.headers, request.cookies, _peer(request), time.monotonic())

    def _to_login(self, request: Request) -> Response:
        if not self._rules.login:
            return PlainTextResponse("the proxy before this console says nobody's name", 401)
        if "authorization" in request.headers or request.method != "GET":
            return PlainTextResponse("log in first", 401, {"www-authenticate": "Bearer"})
        query = f"?{request.url.query}" if request.url.query else ""
        place = quote(request.url.path) + query
        return RedirectResponse(f"{self._rules.base_path}/login?{urlencode({'next': place})}", 303)

    async def _login_form(self, request: Request) -> Response:
        values = {"next": request.query_params.get("next", "/")[:2000], "why": ""}
        return self._shown(request, self._visitor(request), Page("login.html", "Log in", values))

    async def _login(self, request: Request) -> Response:
        form = await _form(request)
        peer, now_s = _peer(request), time.monotonic()
        target = str(form.get("next", "/"))[:2000]
        why, role = "", None
        if not same_origin(request.headers):
            why = "the form did not come from this console: load this page again"
        elif not self._door.may_try(peer, now_s):
            why = "too many wrong tokens came from your address: wait a minute"
        else:
            role = self._door.role_of(str(form.get("token", "")))
            why = "" if role else "that is no token of this console"
        if role is None:
            self._door.failed(peer, now_s)
            self._metrics.refused.labels("login").inc()
            self._log.warning("console.login_refused", peer=peer, why=why)
            page = Page("login.html", "Log in", {"next": target, "why": why}, status=403)
            return self._shown(request, None, page)
        name = cleaned(str(form.get("name", "")))
        self._log.info("console.login", who=name, role=role, peer=peer)
        answer = RedirectResponse(self._rules.base_path + _inside(target), 303)
        answer.set_cookie(
            COOKIE,
            self._door.begin(name, role),
            max_age=SESSION_S,
            path=self._rules.base_path or "/",
            secure=self._secure,
            httponly=True,
            samesite="strict",
        )
        return answer

    async def _logout(self, request: Request) -> Response:
        answer = RedirectResponse(f"{self._rules.base_path}/", 303)
        if same_origin(request.headers):
            answer.delete_cookie(COOKIE, path=self._rules.base_path or "/", httponly=True, samesite="strict")
        return answer

    async def _tail(self, request: Request) -> Response:
        if self._visitor(request) is None:
            return PlainTextResponse("log in first", 401)
        return self.live.answer(_fields(request.query_params))


def _fields(given: QueryParams) -> dict[str, str]:
    return {
        name[:TEXT_CHARACTERS_MAX]: value.strip()[:TEXT_CHARACTERS_MAX]
        for name, value in given.items()
        if value.strip()
    }


def _chosen(form: QueryParams) -> tuple[str, ...]:
    return tuple(form.getlist("id"))


async def _form(request: Request) -> QueryParams:
    """The fields of a form, none where it is too large or of another kind: a browser sends ours in this one."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/x-www-form-urlencoded":
        return QueryParams()
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES_MAX:
            return QueryParams()
    return QueryParams(body.decode("latin-1"))


def _peer(request: Request) -> str:
    return request.client.host if request.client is not None else ""


def _inside(place: str) -> str:
    # Never to another site: a path of ours alone, which begins with one slash.
    return place if place.startswith("/") and not place.startswith(("//", "/\\")) else "/"
