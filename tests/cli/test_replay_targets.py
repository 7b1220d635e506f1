"""Where a replay goes: stdout, a Kafka topic, an HTTP receiver; each run can be gone on with."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from receiver.sandbox.fakes import FakeKafka
from receiver.service import wiring
from tests.cli.desk import Desk
from tests.operate.desk import exchange


@pytest.fixture
def filled(desk: Desk) -> Desk:
    """With two events and what nobody could read."""
    desk.take("0xpay-main", [exchange("one"), b"junk", exchange("two")])
    return desk


class Door:
    """A receiver on this machine that answers as it is told."""

    def __init__(self) -> None:
        self.code = 200
        self.bodies: list[bytes] = []
        self.headers: list[Any] = []
        door = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                door.bodies.append(self.rfile.read(int(self.headers["content-length"])))
                door.headers.append(self.headers)
                self.send_response(door.code)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def door() -> Iterator[Door]:
    """Open while the test runs."""
    made = Door()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def test_events_or_callbacks_to_stdout(filled: Desk) -> None:
    """Callbacks with ``--raw``, as an export writes them."""
    out, err = filled.run("replay", "--to", "stdout")
    assert [json.loads(line)["operation_id"] for line in out.splitlines()] == ["one", "two"]
    assert err == ""
    out, _ = filled.run("replay", "--to", "stdout", "--raw")
    assert [json.loads(line)["callback"] for line in out.splitlines()] == [1, 2, 3]


def test_events_to_a_topic_once_for_a_run(filled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same run again publishes nothing, another one all of it."""
    made = FakeKafka()
    monkeypatch.setattr(wiring, "_open_kafka", lambda *_: made)
    command = ("replay", "--to", "kafka", "--topic", "copy", "--yes")
    out, err = filled.run(*command)
    assert "2 chosen" in err
    assert "published 2 events to copy" in err
    assert [line.split() for line in out.splitlines()[1:]] == [["exchange", "completed", "2"]]
    run_id = dict(made.messages[0].headers)["receiver-replay"].decode()
    assert "published 0 events" in filled.run(*command, "--resume", run_id)[1]
    assert "published 2 events" in filled.run(*command)[1]
    assert len(made.messages) == 4


def test_callbacks_to_a_receiver_signed_anew(filled: Desk, door: Door) -> None:
    """With figures of how it went; the run is remembered, so that nothing is sent twice."""
    out, err = filled.run("replay", "--to", "http", door.url, "--yes")
    figures = dict(line.split()[-2:] for line in out.splitlines() if line.startswith(("done", "failed")))
    assert figures == {"done": "3", "failed": "0"}
    assert sorted(door.bodies) == sorted([exchange("one"), b"junk", exchange("two")])
    stored = filled.signed("0xpay-main", exchange("one")).headers
    assert dict(stored)[b"timestamp"].decode() not in {headers["timestamp"] for headers in door.headers}
    run_id = err.split()[err.split().index("run") + 1]
    filled.run("replay", "--to", "http", door.url, "--yes", "--resume", run_id)
    assert len(door.bodies) == 3


def test_callbacks_of_a_file_as_they_were_received(filled: Desk, door: Door, tmp_path: Path) -> None:
    """Without a journal or a secret of this machine's."""
    file = tmp_path / "callbacks.jsonl"
    filled.run("export", "--unmasked", "--operation", "one", "--to", str(file))
    filled.config.write_text(filled.config.read_text().replace("/journal", "/none"))
    filled.run("replay", "--from", str(file), "--to", "http", door.url, "--as-received", "--yes")
    stored = dict(filled.signed("0xpay-main", exchange("one")).headers)
    (headers,) = door.headers
    assert headers["timestamp"].encode() == stored[b"timestamp"]
    assert headers["signature"].encode() == stored[b"signature"]


def test_a_receiver_that_takes_nothing_is_exit_1(filled: Desk, door: Door) -> None:
    """After so many in a row it stops, and says how to go on."""
    door.code = 401
    _, err = filled.run("replay", "--to", "http", door.url, "--yes", "--failures-max", "1", code=1)
    assert "stopped: 1 callbacks in a row failed; to go on: --resume " in err


def test_where_nobody_listens_nothing_is_tried(filled: Desk) -> None:
    """It is said at once, and the run can be begun again."""
    _, err = filled.run("replay", "--to", "http", "http://127.0.0.1:1", "--yes", code=1)
    assert "receiver: nobody listens on 127.0.0.1:1" in err


def test_what_cannot_be_read_or_gone_on_with_is_named(filled: Desk, door: Door, tmp_path: Path) -> None:
    """A file that is not there or is no text, a run that never was."""
    nowhere, letters = tmp_path / "nowhere", tmp_path / "letters"
    said = filled.fails("replay", "--from", str(nowhere), "--to", "http", door.url)
    assert said == f"receiver: {nowhere}: No such file or directory\n"
    letters.write_bytes(b"{}\xff")
    assert f"{letters}: not UTF-8 at byte 2" in filled.fails("replay", "--from", str(letters), "--to", "http", door.url)
    _, err = filled.run("replay", "--to", "http", door.url, "--yes", "--resume", "never", code=1)
    assert "never" in err
    assert door.bodies == []
