"""Genuine callbacks from the HTTP clients that providers and proxies really use, to a whole running service.

A client that is not installed here is skipped, and said.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import importlib
import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from receiver.intake.http_server import FILES_KEPT
from receiver.intake.limits import Limits
from tests.chaos import traffic
from tests.chaos.service import Service, until
from tests.warm_places import Place
from tests.whole_service.starting import serve

pytestmark = pytest.mark.long(seconds=40)

CLIENTS = Path(__file__).parent / "clients"
SWAP = {"id": "swap-1", "organizationId": traffic.ORGANISATION, "status": "PROCESSED"}
BODY = json.dumps(SWAP).encode()
HEADERS = {
    "x-api-public-key": traffic.ONCHAIN_PUBLIC,
    "x-api-signature": hmac.new(traffic.ONCHAIN_SECRET.encode(), BODY, hashlib.sha256).hexdigest(),
}
FIELDS = [f"{name}={value}" for name, value in HEADERS.items()]
HEAD = b"".join(b"%s: %s\r\n" % (name.encode(), value.encode()) for name, value in HEADERS.items())
WHOLE = b"POST /webhooks/swaps HTTP/1.1\r\nhost: x\r\n%scontent-length: %d\r\n\r\n%s" % (HEAD, len(BODY), BODY)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One running service for all of them; no test here stops it."""
    with Service(tmp_path_factory.mktemp("clients") / "service", forks=True) as made:
        made.start()
        made.wait_ready()
        yield made
        assert made.stop() == 0


@pytest.fixture
def body_file(tmp_path: Path) -> Path:
    """The callback's body, byte by byte."""
    file = tmp_path / "body.json"
    file.write_bytes(BODY)
    return file


def taken(service: Service) -> int:
    """How many callbacks were verified and are safe, once that changes no more: it is said a moment later.

    The same content again counts too, which is not stored again.
    """
    found = -1
    while found != (found := int(metric(service, 'receiver_callbacks_total{answer="200",source="swaps"}', absent=0))):
        time.sleep(1.1)
    return found


def said_by(command: Sequence[str | Path], folder: Path) -> list[str]:
    """The statuses that a client printed."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def need(program: str) -> str:
    """Where a client is, or the test is skipped."""
    return shutil.which(program) or pytest.skip(f"{program} is not installed: its client is not tried")


@pytest.fixture(scope="module")
def java_client(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], list[str]]]:
    """Give the statuses of five callbacks that Java's client sends in a mode; compiled and started once."""
    java, folder = need("java"), tmp_path_factory.mktemp("java")
    modules = subprocess.run([java, "--list-modules"], capture_output=True, text=True, timeout=60, check=False).stdout
    if "jdk.compiler" not in modules:
        pytest.skip("this Java has no compiler (no JDK): its HttpClient is not tried")
    said_by([java, "-m", "jdk.compiler/com.sun.tools.javac.Main", "-d", folder, CLIENTS / "Deliver.java"], folder)
    (folder / "body.json").write_bytes(BODY)
    command = [java, "-cp", str(folder), "Deliver", f"{service.url}/swaps", str(folder / "body.json"), "5", *FIELDS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:

        def deliver(mode: str) -> list[str]:
            assert started.stdin is not None
            assert started.stdout is not None
            started.stdin.write(f"{mode}\n")
            started.stdin.flush()
            said: str = started.stdout.readline()
            return said.split()

        yield deliver
        started.kill()


@pytest.fixture(scope="module")
def go_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Go's client, compiled once."""
    go, folder = need("go"), tmp_path_factory.mktemp("go")
    said_by([go, "build", "-o", folder / "deliver", CLIENTS / "deliver.go"], folder)
    return folder / "deliver"


@pytest.mark.parametrize("mode", ["default", "http1", "chunked", "expect", "together"])
def test_javas_http_client(service: Service, java_client: Callable[[str], list[str]], mode: str) -> None:
    """At its defaults it offers an upgrade to HTTP/2 with every request; all its callbacks are kept."""
    before = taken(service)
    assert java_client(mode) == ["200"] * 5
    until(lambda: taken(service) == before + 5)


@pytest.mark.parametrize("mode", ["default", "chunked", "expect"])
def test_gos_client(service: Service, go_client: Path, body_file: Path, tmp_path: Path, mode: str) -> None:
    """``net/http``."""
    command: list[str | Path] = [go_client, f"{service.url}/swaps", body_file, "5", mode, *FIELDS]
    assert said_by(command, tmp_path) == ["200"] * 5


@pytest.mark.parametrize("mode", ["default", "fetch", "chunked", "expect", "upgrade"])
def test_nodes_clients(service: Service, body_file: Path, tmp_path: Path, mode: str) -> None:
    """``node:http`` and ``fetch``."""
    node = need("node")
    command: list[str | Path] = [node, CLIENTS / "deliver.mjs", f"{service.url}/swaps", body_file, "5", mode, *FIELDS]
    assert said_by(command, tmp_path) == ["200"] * 5


@pytest.mark.parametrize(
    "options",
    [[], ["--http2"], ["--http1.0"], ["--http2", "-H", "Transfer-Encoding: chunked"], ["-H", "Expect: 100-continue"],
     ["-H", "Connection: Upgrade", "-H", "Upgrade: websocket"], ["--http2", "-H", "Expect: 100-continue"]],
    ids=" ".join,
)  # fmt: skip
def test_curl(service: Service, body_file: Path, tmp_path: Path, options: list[str]) -> None:
    """Over plain text, with an upgrade offered, as HTTP/1.0, in chunks."""
    headers = [part for name, value in HEADERS.items() for part in ("-H", f"{name}: {value}")]
    sending = ["-sS", "-o", "/dev/null", "-w", "%{http_code}\n", "--data-binary", f"@{body_file}"]
    url = f"{service.url}/swaps"
    assert said_by([need("curl"), *options, *headers, *sending, url], tmp_path) == ["200"]


def test_requests_session(service: Service) -> None:
    """``requests``, with its connection kept."""
    requests = importlib.import_module("requests")  # it has no types of its own
    with requests.Session() as session:
        for _ in range(3):
            assert session.post(f"{service.url}/swaps", data=BODY, headers=HEADERS, timeout=60).status_code == 200


def test_pythons_own_client_keeps_its_connection(service: Service) -> None:
    """``http.client``: head and body in two segments, three times on one connection."""
    port = int(service.url.split(":")[2].split("/")[0])
    caller = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for _ in range(3):
        caller.request("POST", "/webhooks/swaps", BODY, HEADERS)
        answer = caller.getresponse()
        assert (answer.status, answer.read()) == (200, b"OK")
    caller.close()


def converse(service: Service, *pieces: bytes, half_close: bool = True) -> bytes:
    """What comes back until the service closes; the caller sends no more where it half-closes."""
    port = int(service.url.split(":")[2].split("/")[0])
    with socket.create_connection(("127.0.0.1", port), timeout=60) as caller:
        for piece in pieces:
            caller.sendall(piece)
        if half_close:
            caller.shutdown(socket.SHUT_WR)
        said = b""
        while piece := caller.recv(65536):
            said += piece
        return said


def test_a_half_closed_socket_gets_its_answers(service: Service) -> None:
    """One request, and many behind each other: each answered, and closed then, not after the keep-alive time."""
    before = taken(service)
    for count in (1, 20):
        since = time.monotonic()
        said = converse(service, WHOLE * count)
        assert time.monotonic() - since < Limits().keep_alive_s
        assert said.count(b"HTTP/1.1 200 ") == count
        assert said.endswith(b"\r\n\r\nOK")
    until(lambda: taken(service) == before + 21)


def metric(service: Service, line: str, absent: float | None = None) -> float:
    """The value of one line of ``/metrics``; ``absent`` where there is none yet."""
    with urllib.request.urlopen(f"http://127.0.0.1:{service.admin}/metrics", timeout=60) as answer:
        for said in answer.read().decode().splitlines():
            if said.startswith(f"{line} "):
                return float(said.rpartition(" ")[2])
    assert absent is not None, f"no {line} in /metrics"
    return absent


@pytest.mark.parametrize(
    ("opening", "why", "hint"),
    [
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 51234 8080\r\n", "proxy_protocol", "switch it off at the proxy"),
        (b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00", "proxy_protocol", "switch it off at the proxy"),
        (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500,
            "tls",
            "a TLS handshake came to a plain port",
        ),
    ],
    ids=["PROXY 1", "PROXY 2", "TLS"],
)
def test_a_proxys_mistake_is_counted_and_named_once(service: Service, opening: bytes, why: str, hint: str) -> None:
    """400 for each, a number that rises, and one line that says what to do."""
    line = f'receiver_http_errors_total{{why="{why}"}}'
    before = metric(service, line)
    for _ in range(20):
        assert converse(service, opening + WHOLE).startswith(b"HTTP/1.1 400 ")
    until(lambda: metric(service, line) == before + 20)
    said = [json.loads(text) for text in service.log.read_text().splitlines() if hint in text]
    assert [each["why"] for each in said] == [why]
    assert "exception" not in service.log.read_text()


def test_connections_can_be_seen(service: Service) -> None:
    """By state, while they are open."""
    port = int(service.url.split(":")[2].split("/")[0])
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(7)]
    begun = socket.create_connection(("127.0.0.1", port))
    begun.sendall(WHOLE[:40])
    until(lambda: metric(service, 'receiver_connections{state="idle"}') >= 7)
    until(lambda: metric(service, 'receiver_connections{state="arriving"}') >= 1)
    for caller in (*silent, begun):
        caller.close()
    until(lambda: metric(service, 'receiver_connections{state="arriving"}') == 0)


@pytest.mark.parametrize(("hard", "allowed"), [(4000, 400), (300, 300 - FILES_KEPT)])
def test_the_limit_of_open_files_is_raised_and_said_where_it_is_low(tmp_path: Path, hard: int, allowed: int) -> None:
    """A soft limit of 256 does not matter. A hard one does.

    For connections beyond it those that have proven nothing are closed and counted, and the service goes on, with its
    journal's files open.
    """
    with Service(tmp_path / "service", forks=True) as limited:
        serve(limited, Place(files=(256, hard)))
        limited.wait_ready()
        port = int(limited.url.split(":")[2].split("/")[0])
        callers = [socket.create_connection(("127.0.0.1", port)) for _ in range(400)]
        until(lambda: metric(limited, 'receiver_connections{state="idle"}') == allowed)
        assert metric(limited, 'receiver_connections_refused_total{why="unproven"}') == 400 - allowed
        for caller in callers:
            caller.close()
        until(lambda: metric(limited, 'receiver_connections{state="idle"}') == 0)
        assert limited.post_swap(SWAP) == 200
        said = [line for line in map(json.loads, limited.log.read_text().splitlines()) if "open_files" in line["event"]]
        assert [line["connections_max"] for line in said] == [hard - FILES_KEPT]
        assert limited.stop() == 0
