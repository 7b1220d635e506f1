"""The log's reader, whatever becomes of it, neither stops nor slows the service."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import pty
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import traffic
from tests.chaos.service import Service, until
from tests.warm_commands import WarmCommands

MANY, FEW = 4500, 500
"""More callbacks than a process keeps lines for, and more than a pipe holds lines of."""
ANSWER_S_MAX = 20.0
"""Of any of them: the disk's own pauses are in it, and so is a machine that others use. A reader that stalls
does so for as long as the test runs, so that whoever waited for it would wait for ever."""
RSS_BYTES_MAX = 160 * 1024 * 1024
Places = Callable[[Path], tuple[int | None, int]]


def pipe(_: Path) -> tuple[int | None, int]:
    """A pipe: where to read, and stdout."""
    return os.pipe()


def shared_pipe(_: Path) -> tuple[int | None, int]:
    """A pipe on which another process has set O_NONBLOCK."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    return reading, writing


def stream(_: Path) -> tuple[int | None, int]:
    """A socket, as a service manager gives one."""
    reading, writing = socket.socketpair()
    return reading.detach(), writing.detach()


def terminal(_: Path) -> tuple[int | None, int]:
    """A terminal."""
    return pty.openpty()


def full_disk(_: Path) -> tuple[int | None, int]:
    """A file on a disk that is full."""
    return None, os.open("/dev/full", os.O_WRONLY)


def read_only(_: Path) -> tuple[int | None, int]:
    """A descriptor that cannot be written to."""
    return None, os.open(os.devnull, os.O_RDONLY)


class Logged:
    """A service whose stdout a test has in its hands.

    Its processes are forks of a warm one, whose stdout is theirs alone: to them a log is a descriptor. One test below
    is about what comes before, and starts new interpreters.
    """

    def __init__(self, service: Service, ends: tuple[int | None, int]) -> None:
        self.service = service
        self.reading, writing = ends
        self._begun = b""
        command = ["serve", "--config", str(service.config)]
        warm = WarmCommands.like(service.environ)
        with service.log.open("ab") as errors, os.fdopen(writing, "wb", buffering=0) as stdout:
            service.process = warm.start(command, service.environ, service.folder, stdout, errors, children=True)
        service.wait_ready()

    def lost(self) -> int:
        """What ``/metrics`` counts."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.service.admin}/metrics", timeout=60) as answer:
            found = re.search(r"^receiver_log_lines_lost_total (\S+)$", answer.read().decode(), re.MULTILINE)
        assert found is not None
        return int(float(found[1]))

    def close_reader(self) -> None:
        """Let the reader die."""
        if self.reading is not None:
            os.close(self.reading)
            self.reading = None

    def read(self, quiet_s: float = 2) -> list[dict[str, Any]]:
        """All whole lines, until none has come for a while; the beginning of one is kept for the next call."""
        assert self.reading is not None
        os.set_blocking(self.reading, False)
        heard, deadline = self._begun, time.monotonic() + quiet_s
        while time.monotonic() < deadline:
            try:
                got = os.read(self.reading, 65536)
            except BlockingIOError:
                time.sleep(0.02)
                continue
            except OSError:  # a terminal that nobody writes to any more
                break
            if not got:
                break
            heard += got
            deadline = time.monotonic() + quiet_s
        *lines, self._begun = heard.split(b"\n")
        return [json.loads(line) for line in lines]

    def rss_bytes(self) -> int:
        """The largest memory that a process of it has had."""
        assert self.service.process is not None
        pids = [self.service.process.pid, *filter(None, map(self.service.child, ("intake", "interpret")))]
        found = [re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text()) for pid in pids]
        return max(int(one[1]) for one in found if one) * 1024


@pytest.fixture
def logged(service: Service) -> Iterator[Callable[[Places], Logged]]:
    """Start the service with one kind of stdout."""
    made: list[Logged] = []

    def start(places: Places) -> Logged:
        made.append(Logged(service, places(service.folder)))
        return made[-1]

    yield start
    service.destroy()
    for one in made:
        one.close_reader()


SWAP = {"organizationId": traffic.ORGANISATION, "status": "PROCESSED"}


def signed(body: bytes) -> dict[str, str]:
    """The headers of an auto-swap callback."""
    signature = hmac.new(traffic.ONCHAIN_SECRET.encode(), body, hashlib.sha256).hexdigest()
    return {"x-api-public-key": traffic.ONCHAIN_PUBLIC, "x-api-signature": signature}


def post(service: Service, first: int, count: int) -> float:
    """Send callbacks, on ten connections side by side, each answered 200; the longest wait, in s."""
    slowest_s = 0.0
    with contextlib.ExitStack() as stack:
        address = ("127.0.0.1", service.port)
        callers = [stack.enter_context(socket.create_connection(address, timeout=60)) for _ in range(10)]
        for number in range(first, first + count, len(callers)):
            asked = callers[: first + count - number]
            since = time.monotonic()
            for own, caller in enumerate(asked):
                caller.sendall(request(number + own))
            for caller in asked:
                assert answer(caller).startswith(b"HTTP/1.1 200 ")
                slowest_s = max(slowest_s, time.monotonic() - since)
    return slowest_s


def request(number: int) -> bytes:
    """A genuine callback, as it goes over the wire."""
    body = json.dumps(SWAP | {"id": f"swap-{number}"}).encode()
    fields = {"host": "x", "content-length": str(len(body)), **signed(body)}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST /webhooks/swaps HTTP/1.1\r\n{head}\r\n".encode() + body


def answer(caller: socket.socket) -> bytes:
    """Head and body of an answer, whose body is ``OK`` where it is 200."""
    said = b""
    while not said.endswith(b"\r\n\r\nOK"):
        piece = caller.recv(4096)
        assert piece, said
        said += piece
    return said


def goes_on(logged: Logged, committed: int) -> None:
    """Whether it takes callbacks and speaks, as ever."""

    def interpreted() -> bool:
        said = logged.service.readyz()
        assert said is not None
        assert said["ready"]
        return bool(said["inbox"]["committed"] >= committed and said["interpret"]["uninterpreted"] == 0)

    until(interpreted)
    assert logged.rss_bytes() < RSS_BYTES_MAX


def stops(logged: Logged) -> None:
    """With exit 0, and not later than a service whose log is read."""
    since = time.monotonic()
    assert logged.service.stop() == 0
    assert time.monotonic() - since < 8
    assert "Traceback" not in logged.service.log.read_text()


def told_lost(lines: list[dict[str, Any]], more: list[dict[str, Any]]) -> int:
    """How many lines are said to be lost, in those so far and in more, which are put behind them."""
    lines.extend(more)
    return sum(line["count"] for line in lines if line["event"] == "log.lines_lost")


@pytest.mark.parametrize("places", [pipe, shared_pipe, stream, terminal])
def test_a_reader_that_stalls(logged: Callable[[Places], Logged], places: Places) -> None:
    """Every callback is answered; when the reader is back it gets whole lines, and the count of those it does not."""
    one = logged(places)
    assert post(one.service, 0, MANY) < ANSWER_S_MAX
    goes_on(one, MANY)
    lines: list[dict[str, Any]] = []
    until(lambda: 0 < told_lost(lines, one.read(0.5)) == one.lost())
    numbers = [line["callback"] for line in lines if line["event"] == "callback.accepted"]
    assert numbers == sorted(set(numbers))
    assert MANY - one.lost() <= len(numbers) <= MANY  # what was lost may be another process's lines
    post(one.service, MANY, 1)
    until(lambda: ("callback.accepted", MANY + 1) in {(line["event"], line.get("callback")) for line in one.read(0.5)})
    stops(one)
    assert [line["event"] for line in one.read()][-1] == "serve.stopped"


@pytest.mark.parametrize("places", [pipe, shared_pipe, terminal])
def test_a_reader_that_never_comes_does_not_hold_up_the_end(logged: Callable[[Places], Logged], places: Places) -> None:
    """SIGTERM with more lines than anybody takes."""
    one = logged(places)
    post(one.service, 0, FEW)
    goes_on(one, FEW)
    stops(one)


@pytest.mark.parametrize(("places", "stalled"), [(pipe, False), (pipe, True), (stream, True), (terminal, True)])
def test_a_reader_that_dies(logged: Callable[[Places], Logged], places: Places, *, stalled: bool) -> None:
    """At once, or while lines wait for it; also what was refused is answered."""
    one = logged(places)
    if stalled:
        post(one.service, 0, FEW)
    one.close_reader()
    post(one.service, FEW, FEW)
    assert one.service.post_swap(SWAP, secret="wrong") == 401
    until(lambda: one.lost() > 0)
    goes_on(one, FEW)
    stops(one)


@pytest.mark.parametrize("places", [full_disk, read_only])
def test_a_stdout_that_takes_nothing(logged: Callable[[Places], Logged], places: Places) -> None:
    """As a file on a disk that is full from the start."""
    one = logged(places)
    post(one.service, 0, FEW)
    assert one.service.post_swap(SWAP, secret="wrong") == 401
    until(lambda: one.lost() > FEW)
    goes_on(one, FEW)
    stops(one)


def test_a_slow_reader(logged: Callable[[Places], Logged]) -> None:
    """Ten lines a second, where a thousand are said."""
    one = logged(pipe)
    done = threading.Event()

    def slowly() -> None:
        while not done.wait(0.1) and one.reading is not None:
            os.read(one.reading, 250)

    reader = threading.Thread(target=slowly)
    reader.start()
    try:
        assert post(one.service, 0, MANY) < ANSWER_S_MAX
        goes_on(one, MANY)
        stops(one)
    finally:
        done.set()
        one.close_reader()
        reader.join(2)


def test_a_closed_stdout_is_one_sentence(service: Service) -> None:
    """The service runs; what it says is lost, and counted."""
    command = f"exec {sys.executable} -m receiver serve --config {service.config} >&-"
    with service.log.open("ab") as errors:
        service.process = subprocess.Popen(
            ["sh", "-c", command], env=service.environ, cwd=service.folder, stderr=errors, stdin=subprocess.DEVNULL
        )
    service.wait_ready()
    assert post(service, 0, 100) < ANSWER_S_MAX
    assert service.stop() == 0
    assert service.log.read_text().splitlines() == [
        "receiver: stdout is closed, so the log is lost; the service runs without it"
    ]


def test_stderr_on_the_same_pipe_as_a_stalled_stdout(service: Service) -> None:
    """`2>&1 | reader`, as most people have it."""
    reading, writing = os.pipe()
    command, warm = ["serve", "--config", str(service.config)], WarmCommands.like(service.environ)
    with os.fdopen(writing, "wb", buffering=0) as both:
        service.process = warm.start(command, service.environ, service.folder, both, both, children=True)
    service.wait_ready()
    post(service, 0, FEW)
    for role in ("intake", "interpret"):
        before = service.child(role)
        assert service.kill(role)
        until(lambda role=role, before=before: service.child(role) not in {before, None})  # type: ignore[misc]
    service.wait_ready()
    assert service.post_swap(SWAP | {"id": "last"}) == 200
    assert service.stop() == 0
    os.close(reading)
