"""A replay begun at the console: to this machine alone, one at a time, stopped and gone on with."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from receiver.console.replaying import Replays, Run
from receiver.model.errors import ReceiverError
from receiver.operate.selection import Filter
from tests.console.seeded import WRITING, Browser, browser, seeded
from tests.operate.desk import context_of


class Receiver(HTTPServer):
    """Answers what it is told to, and keeps whose callbacks came; while it is held nobody is answered."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.came: list[str] = []
        self.go_on = threading.Event()
        self.go_on.set()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """One call."""

    server: Receiver

    def do_POST(self) -> None:
        """Take a callback."""
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.go_on.wait(10)
        self.server.came.append(json.loads(body).get("id", ""))
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """One that runs."""
    with Receiver() as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.go_on.set()
        made.shutdown()


def ended(replays: Replays) -> Run:
    """The run, once it has ended."""
    assert replays._thread is not None
    replays._thread.join(30)
    run = replays.now()
    assert run is not None
    assert run.phase == "ended"
    return run


def test_what_is_chosen_is_sent_and_counted(receiver: Receiver) -> None:
    """And who did it is in the log."""
    way = seeded()
    replays = Replays(context_of(way))
    began = replays.start(Filter(operation="exchange-1"), receiver.url, "ann")
    run = ended(replays)
    assert (run.run_id, run.total, run.done, run.failed, run.why) == (began.run_id, 2, 2, 0, "")
    assert receiver.came == ["exchange-1"] * 2
    assert run.answers == {"200": 2}
    assert way.log.named("console.replayed") == [{"who": "ann", "run": run.run_id, "done": 2, "failed": 0}]


def test_a_run_that_was_stopped_goes_on_where_it_stood(receiver: Receiver) -> None:
    """What was answered 200 is not sent again."""
    context = context_of(seeded())
    replays = Replays(context)
    first = replays.start(Filter(operation="exchange-0"), receiver.url, "ann")
    ended(replays)
    assert dict(context.runs.listed())[first.run_id]["low"] > 0
    again = Replays(context)
    again.start(Filter(source="0xpay-main", status="completed"), receiver.url, "bob", first.run_id)
    assert "exchange-0" not in receiver.came[1:]
    ended(again)
    assert receiver.came.count("exchange-0") == 1
    assert "exchange-2" in receiver.came


def test_one_run_at_a_time_and_a_stop_ends_it(receiver: Receiver) -> None:
    """What is under way is answered; no further one begins."""
    replays = Replays(context_of(seeded()))
    receiver.go_on.clear()
    replays.start(Filter(), receiver.url, "ann")
    with pytest.raises(ReceiverError, match="under way"):
        replays.start(Filter(), receiver.url, "bob")
    replays.stop("stopped by ann")
    receiver.go_on.set()
    run = ended(replays)
    assert run.why == "stopped by ann"
    assert replays.start(Filter(operation="exchange-0"), receiver.url, "bob").who == "bob"
    ended(replays)


@pytest.mark.parametrize(
    "url", ["http://shop.example/", "http://127.0.0.1.evil.example", "file:///etc", "", "//x", "http://["]
)
def test_nothing_is_sent_to_another_machine(url: str) -> None:
    """Whatever its name looks like."""
    with pytest.raises(ReceiverError, match="this machine alone"):
        Replays(context_of(seeded(empty=True))).start(Filter(), url, "ann")


@pytest.mark.parametrize("run", ["../../etc/passwd", "00000000", "x", "0000000G"])
def test_a_run_that_is_none_is_refused(run: str) -> None:
    """And no file of another name is looked for."""
    with pytest.raises(ReceiverError, match="run"):
        Replays(context_of(seeded(empty=True))).start(Filter(), "http://127.0.0.1:1", "ann", run)


def test_it_is_begun_and_looked_at_on_its_page(receiver: Receiver) -> None:
    """By whoever may write, after a count; others see how far it is."""
    shown = browser(WRITING)
    shown.log_in()
    fields = {"operation": "exchange-1", "url": receiver.url}
    token = shown.form_token("/replay?dry=1&operation=exchange-1")
    assert shown.post("/replay/start", form=token, **{**fields, "url": "http://shop.example"}).status_code == 409
    assert shown.post("/replay/start", form=token, **fields).status_code == 303
    replays = shown.console._desk.replays
    assert replays is not None
    ended(replays)
    text = shown.get("/replay")
    assert "2 of 2, 0 failed" in text
    assert "begun by ann" in text
    assert shown.post("/replay/stop", form=token).status_code == 303
    assert browser().console._desk.replays is None


NARROWED = (
    "source=swaps", "kind=auto_swap", "family=exchange", "status=completed", "anomaly=late", "observed_via=webhook",
    "effective=no", "effective=yes", "amount=100.25", "since=2020-01-01", "until=2020-01-01",
)  # fmt: skip


def listed(shown: Browser, narrowed: str) -> set[int]:
    """The callbacks of a list."""
    return {row["callback"] for row in shown.client.get(f"/search?{narrowed}&format=json").json()["records"]}


@pytest.mark.parametrize("narrowed", NARROWED)
def test_a_list_is_replayed_as_it_was_narrowed(narrowed: str) -> None:
    """By its own link, for the command and for the sending: what it has and what only repeated it, and nothing else."""
    shown = browser(WRITING)
    shown.log_in()
    wanted, others = listed(shown, narrowed), listed(shown, "") - listed(shown, narrowed)
    link = re.search(r'<a href="(/replay[^"]+)">Replay their callbacks</a>', shown.get(f"/search?{narrowed}"))
    assert (link is not None) == bool(wanted)
    page = shown.get(f"/replay?dry=1&{narrowed}" if link is None else link[1].replace("&amp;", "&"))
    chosen = set(map(int, re.findall(r'href="/callback/(\d+)"', page)))
    assert chosen >= wanted
    assert not chosen & others
    name, value = narrowed.split("=")
    if wanted:
        assert f"--{name.replace('_', '-')} {value}" in page
        assert f'<input type="hidden" name="{name}" value="{value}">' in page


def test_an_amount_is_looked_for_however_it_is_written() -> None:
    """What is none is said."""
    shown = browser()
    assert "Chosen: 4 callbacks" in shown.get("/replay?dry=1&amount=100.25")
    assert "Chosen: 4 callbacks" in shown.get("/replay?dry=1&amount=100.250")
    assert "digits with a point" in shown.client.get("/replay?dry=1&amount=much").text


def test_what_became_no_event_has_no_link_to_a_replay() -> None:
    """Quarantine is sent again from its own page, once the cause is mended."""
    assert "Replay their callbacks" not in browser().get("/search?outcome=quarantine")
    assert "Replay their callbacks" not in browser().get("/search")
