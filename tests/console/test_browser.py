"""The console in a real browser: nothing that its policy forbids, readable by everybody, and usable with the keyboard.

One browser and one console for all of it. Where there is no Chromium these tests are left out, aloud.
"""

from __future__ import annotations

import asyncio
import queue
import re
import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, ViewportSize, sync_playwright

from receiver.intake.http_server import HttpServer
from receiver.intake.limits import Limits
from tests.console.seeded import SWAP, WRITE_TOKEN, WRITING, Browser, Played, browser
from tests.console.test_replaying import Receiver
from tests.operate.desk import exchange

pytestmark = pytest.mark.tools

AXE = Path(__file__).parent / "axe/axe.min.js"
PAGES = (
    "/", "/search", "/search?q=1", "/live", "/quarantine", "/quarantine/group?reason=unknown_status&state=open",
    "/rejects", "/rejects/1", "/replay?dry=1", "/replay?reprocess=1", "/reconcile", "/config?family=exchange",
    "/callbacks", "/callback/1", "/record/1", "/simulator", f"/operation/{SWAP}", "/operation/none",
    "/operation/exchange-", "/login", "/nowhere",
)  # fmt: skip
WRITERS = ("/quarantine/group?reason=not_json&state=open", "/callback/1", "/replay?dry=1", "/reconcile", "/simulator")
"""Pages that have forms for whoever may write."""
VIOLATIONS = "axe.run({resultTypes: ['violations']}).then(found => found.violations)"
"""Of all that axe tells only what is asked here crosses over: the rest is every element of a page, several times."""
SCREEN = ViewportSize(width=1280, height=720)
"""What a page is given where nothing else is said."""
WAIT_MS = 20_000
"""For what a page does by itself; it is there in a moment, also on a busy machine."""


@dataclass
class Served:
    """A console on a port of this machine, and what the browser said against it."""

    shown: Browser
    url: str
    chromium: Chromium
    loop: asyncio.AbstractEventLoop
    said: list[str] = field(default_factory=list)

    def page(self, **options: Any) -> Page:
        """A page in a context of its own, of which every complaint is kept."""
        page = self.chromium.new_context(base_url=self.url, **options).new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("console", lambda message: self.said.append(f"{page.url}: {message.text}"))
        page.on("pageerror", lambda error: self.said.append(f"{page.url}: {error}"))
        return page

    def send(self, identity: str) -> None:
        """Take an exchange, as a provider sends it."""
        taken = self.shown.way.events("0xpay-main", [exchange(identity)])
        asyncio.run_coroutine_threadsafe(taken, self.loop).result(10)

    def writer(self) -> Page:
        """A page of somebody who has logged in."""
        page = self.page()
        page.goto("/login?next=/quarantine")
        page.get_by_label("Your name").fill("ann")
        page.get_by_label("Token").fill(WRITE_TOKEN)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/quarantine")
        return page


@pytest.fixture(autouse=True)
def nothing_left_open(served: Served) -> Iterator[None]:
    """Close what a test has opened: a page that is left open goes on asking for what is new, and is drawn."""
    yield
    for context in served.chromium.contexts:
        context.close()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """The console, served as the service serves it, and a browser."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no browser is here; Debian has it in the package chromium")
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    shown = browser(WRITING, simulator=Played())
    server = HttpServer(shown.console.app, listener, shutdown_timeout_s=1, limits=Limits(answer_s=3600))
    loops: queue.Queue[asyncio.AbstractEventLoop] = queue.Queue()

    def serve() -> None:
        with asyncio.Runner() as runner:  # which leaves no task behind when it ends
            loops.put(runner.get_loop())
            runner.run(server.run_until_stopped())

    running = threading.Thread(target=serve, daemon=True)
    running.start()
    loop = loops.get(timeout=10)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield Served(shown, f"http://127.0.0.1:{listener.getsockname()[1]}", chromium, loop)
        chromium.close()
    loop.call_soon_threadsafe(shown.console.live.close)
    loop.call_soon_threadsafe(server.stop)
    running.join(10)
    listener.close()


def test_every_page_can_be_read_by_everybody(served: Served) -> None:
    """On every screen, in light and dark, by accessibility's rules; nor has the browser a word against the policy.

    One walk for all of that: to load a page costs more than to look at it. Tables scroll by themselves.
    """
    page = served.page(color_scheme="light")
    served.said.clear()
    axe, wrong, wider = AXE.read_text("utf-8"), [], []
    for path in PAGES:
        page.goto(path)
        wider += [(path, width) for width in (320, 768, 2560) if width_of(page, width) > width]
        page.set_viewport_size(SCREEN)
        for details in page.locator("summary").all()[:1]:
            details.click()
        wrong += violations(page, axe)
    assert wrong == []
    assert wider == []
    assert [line for line in served.said if "404" not in line] == []


def test_forms_of_changes_can_be_read_by_everybody(served: Served) -> None:
    """The pages that look otherwise to whoever may write."""
    page = served.writer()
    served.said.clear()
    axe, wrong = AXE.read_text("utf-8"), []
    for path in WRITERS:
        page.goto(path)
        wrong += violations(page, axe)
    assert wrong == []
    assert served.said == []


def violations(page: Page, axe: str) -> list[tuple[str, str, str, str]]:
    """What a page has against accessibility's rules, by all of them, in light and in dark."""
    page.evaluate(axe)
    wrong: list[tuple[str, str, str, str]] = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=cast("Any", scheme))
        found = page.evaluate(VIOLATIONS)
        wrong += [(page.url, scheme, one["id"], one["nodes"][0]["html"][:200]) for one in found]
    page.emulate_media(color_scheme="light")
    return wrong


def width_of(page: Page, screen: int) -> int:
    """How wide a page is on so wide a screen."""
    page.set_viewport_size({"width": screen, "height": 800})
    return int(page.evaluate("document.documentElement.scrollWidth"))


def test_without_scripts_everything_but_the_tail_works(served: Served) -> None:
    """Links, searches, the login and a whole redrive are links and forms."""
    page = served.page(java_script_enabled=False)
    for path in PAGES:
        page.goto(path)
        assert page.locator("h1").count() == 1, path
    page.goto("/")
    page.get_by_role("searchbox").fill("exchange-2")
    page.get_by_role("button", name="Search").click()
    assert "/operation/" in page.url
    page.goto("/live")
    assert page.get_by_text("load this page again").is_visible()
    page.goto("/login?next=/quarantine")
    page.get_by_label("Your name").fill("ann")
    page.get_by_label("Token").fill(WRITE_TOKEN)
    page.get_by_role("button", name="Log in").click()
    page.goto("/quarantine/group?reason=not_json&state=open")
    page.get_by_role("button", name="Redrive").click()
    assert "Request" in page.locator("h1").inner_text()


def test_a_redrive_by_keyboard_alone(served: Served) -> None:
    """From the overview to what became of it, without a mouse; the page waits for the service by itself."""
    page = served.writer()
    keys = page.keyboard
    keys.press("g")
    keys.press("o")
    page.wait_for_url("**/")
    keys.press("g")
    keys.press("q")
    page.wait_for_url("**/quarantine")
    keys.press("j")
    keys.press("Enter")
    page.wait_for_url("**/quarantine/group?**")
    before = served.shown.way.requests.last_number()
    tab_to(page, "Redrive")
    keys.press("Enter")
    page.wait_for_url("**/request/*")
    assert page.get_by_text("Waiting.").is_visible()
    asked = served.shown.way.requests.read(before, 10)
    assert [one.request_type for one in asked] == ["redrive"]
    served.shown.way.interpret()
    page.get_by_text("Done.").wait_for()


def tab_to(page: Page, named: str) -> None:
    """Press Tab until the focus is on what is called so: a button's or link's text, or a field's label."""
    called = "(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()"
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate(called) == named:
            return
    raise AssertionError(f"Tab does not reach {named}")


def test_a_replay_by_keyboard_alone(served: Served) -> None:
    """Chosen, counted, begun, looked at while it goes and when it has ended: the page goes on by itself."""
    page = served.writer()
    keys = page.keyboard
    with Receiver() as receiver:
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        receiver.go_on.clear()
        keys.press("g")
        keys.press("p")
        page.wait_for_url("**/replay")
        tab_to(page, "Operation")
        keys.type("exchange-1")
        tab_to(page, "Count and show")
        keys.press("Enter")
        page.wait_for_url("**/replay?**")
        assert page.get_by_text("Chosen: 2 callbacks").is_visible()
        tab_to(page, "Send to")
        keys.press("Control+a")
        keys.type(receiver.url)
        tab_to(page, "Send them")
        keys.press("Enter")
        page.wait_for_url("**/replay")
        page.locator("#run").get_by_text("sending", exact=True).wait_for()
        assert page.get_by_text("0 of 2, 0 failed").is_visible()
        receiver.go_on.set()
        page.locator("#run").get_by_text("ended", exact=True).wait_for()
        assert page.get_by_text("2 of 2, 0 failed").is_visible()
        assert receiver.came == ["exchange-1"] * 2
        receiver.shutdown()
    (run,) = served.shown.way.log.named("console.replay")
    assert (run["who"], run["url"]) == ("ann", receiver.url)


def test_keys_lead_everywhere_and_are_listed(served: Served) -> None:
    """And mean nothing while one writes."""
    page = served.page()
    page.goto("/")
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("g?jk")
    assert page.get_by_role("searchbox").input_value() == "g?jk"
    page.get_by_role("searchbox").blur()
    for key, place in (("r", "rejects"), ("l", "live")):
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.wait_for_url(f"**/{place}")


def test_times_have_the_local_time_beside_them(served: Served) -> None:
    """By the browser's own zone, and in their titles with the day spelt out; the day only where it is another one."""
    page = served.page(timezone_id="Asia/Tokyo", locale="en-GB")
    page.goto("/record/1")
    time = page.locator("main time").first
    title = time.get_attribute("title") or ""
    assert "here" in title
    utc, local = time.inner_text(), title.splitlines()[1]
    assert utc[11:13] not in local.split(", ")[1][:2]
    beside = page.locator("main time + .here").first.inner_text()
    assert re.fullmatch(rf"\d\d{utc[13:]} here", beside.strip())
    page = served.page(timezone_id="Pacific/Pago_Pago")
    page.goto("/live")
    page.get_by_text("listening", exact=True).wait_for()
    _send(served, page, "far-away")
    first = page.locator("#tail tbody tr").first.locator("td").first.inner_text()
    assert re.fullmatch(r"2024-05-27 \S+\s+2024-05-26 \S+ here", first), "what came while one looked, the day before"


def test_no_time_is_there_twice(served: Served) -> None:
    """Where the reader's clock shows UTC."""
    page = served.page(timezone_id="UTC")
    page.goto("/search")
    assert page.locator("time").count() > 5
    assert page.locator(".here").count() == 0


def test_the_tail_shows_what_comes_and_waits_while_paused(served: Served) -> None:
    """Newest on top; what came meanwhile is there when one goes on. What a stranger wrote is text."""
    page = served.page()
    page.goto("/live")
    page.get_by_text("listening", exact=True).wait_for()
    odd = "tail-<b>one</b>"
    _send(served, page, odd)
    row = page.locator("#tail tbody tr").first
    assert row.locator("b").count() == 0
    assert row.locator("a").get_attribute("href") in _links(page)
    page.get_by_role("button", name="Pause").click()
    served.send("tail-two")
    page.get_by_text("paused, 1 wait").wait_for()
    assert page.get_by_text("tail-two").count() == 0
    page.get_by_role("button", name="Go on").click()
    page.get_by_text("tail-two").wait_for()


def _send(served: Served, page: Page, identity: str) -> None:
    # The reader begins a moment after the browser was told that it listens: what is sent until then is not new to it.
    for attempt in range(50):
        served.send(f"{identity}{attempt}")
        try:
            page.get_by_text(identity).first.wait_for(timeout=1000)
        except Exception as error:  # noqa: BLE001
            assert "Timeout" in str(error)  # noqa: PT017
        else:
            return
    raise AssertionError("nothing came")


def _links(page: Page) -> list[str]:
    return [str(link.get_attribute("href")) for link in page.locator("#tail a.go").all()]
