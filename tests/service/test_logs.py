"""Log lines: one JSON object each, and a traceback that quotes nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from receiver.service.log_writer import PIECE_BYTES_MAX
from receiver.service.logs import json_line

PROGRAM = """
from receiver.service import logs
import logging
logs.configure(people=False)
log = logs.get()
log.info("callback.accepted", source="main", callback=1)
try:
    raise ValueError("a body with 4400000000000008")
except ValueError:
    log.exception("callback.bug", callback=2)
    logging.getLogger("aiokafka").exception("client trouble")
logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
"""


def test_each_line_is_a_json_object_on_stdout_and_a_traceback_is_frames() -> None:
    """The exception's message stays out: it could quote a body."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["event"] for line in lines] == ["callback.accepted", "callback.bug", "library.log"]
    assert lines[0]["callback"] == 1
    assert lines[0]["timestamp"].endswith("Z")
    assert lines[1]["exception"] == "ValueError"
    assert lines[1]["frames"]
    assert "4400000000000008" not in done.stdout
    assert done.stderr == ""


class Unshowable:
    """What cannot even be shown."""

    def __str__(self) -> str:
        raise ValueError("no")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (10**30, str(10**30)),
        ("half a character \ud800", "half a character \\ud800"),
        (os.fsdecode(b"/srv/\xff"), "/srv/\\udcff"),
        (Unshowable(), "ValueError"),
        ({1: 2}, "{1: 2}"),
        ({"a": b"\xff"}, {"a": "b'\\xff'"}),
        (float("nan"), None),
    ],
)
def test_whatever_is_logged_becomes_a_line(value: object, shown: object) -> None:
    """Whoever logs is not to fail over what it logs."""
    line = json.loads(json_line({"callback": 1, "value": value}, "callback.odd", "info"))
    assert (line["event"], line["level"], line["callback"], line["value"]) == ("callback.odd", "info", 1, shown)


@pytest.mark.parametrize(
    "fields",
    [
        {"why": "x" * 100_000},
        {"why": "\x00é" * 5000},
        {"faults": [f"fault {number} " * 20 for number in range(500)]},
        {"frames": [f"/usr/lib/python3/site-packages/module_{number}.py:{number} function" for number in range(1000)]},
        {f"field_{number}": "x" * 50 for number in range(1000)},
        {"x" * 10_000: 1},
        {"nested": {"a": ["x" * 10_000]}},
    ],
)
def test_no_line_is_longer_than_a_pipe_takes_whole(fields: dict[str, Any]) -> None:
    """It says that it was cut, keeps its name, and of a list the last ones, as the innermost frames are."""
    last = fields["frames"][-1] if "frames" in fields else None
    line = json_line(fields, "callback.bug", "error")
    assert len(line) < PIECE_BYTES_MAX
    said = json.loads(line)
    assert (said["event"], said["level"], said["cut"]) == ("callback.bug", "error", True)
    assert said["timestamp"].endswith("Z")
    assert last is None or said["frames"][-1] == last


COMPLAINTS = """
import gc, logging, threading, warnings
from receiver.service import logs
logs.configure(people=False)

class Dying:
    def __del__(self):
        raise ValueError("a body with 4400000000000008")

def fail():
    raise KeyError("a body with 4400000000000008")

thread = threading.Thread(target=fail)
thread.start()
thread.join()
Dying()
warnings.warn("old habits")
logging.getLogger("some.library").error("a number: %d", "none")
raise RuntimeError("a body with 4400000000000008")
"""


def test_what_python_has_to_say_becomes_lines_too() -> None:
    """Nothing is written to stderr, which can be as stalled as stdout, and no message that could quote a body."""
    done = subprocess.run([sys.executable, "-c", COMPLAINTS], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["event"], line.get("exception"), line.get("logger")) for line in lines] == [
        ("python.uncaught", "KeyError", None),
        ("python.unraisable", "ValueError", None),
        ("library.log", None, "py.warnings"),
        ("library.log", None, "some.library"),
        ("python.uncaught", "RuntimeError", None),
    ]
    assert "4400000000000008" not in done.stdout


UNREAD = """
import asyncio, logging, os, sys
from receiver.service import logs
logs.configure(people=True)
gone, kept = os.pipe()
os.close(gone)
for stderr in (open(kept, "w"), open(os.devnull), None):
    sys.stderr = stderr
    logs.get().error("kafka.lost")
    logging.getLogger("aiokafka").error("the client goes on")
sys.stderr = None
print("went on")
os._exit(0)
"""


def test_a_line_for_people_that_nobody_can_be_shown_stops_nobody() -> None:
    """A pipe whose reader is gone, a file that takes nothing, no stderr at all: also the libraries' tasks log there."""
    done = subprocess.run([sys.executable, "-uc", UNREAD], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "went on\n", "")


CLOSED = """
import os, sys
from receiver.service import logs
log = logs.configure(people=False)
kept = os.open("/dev/null", os.O_RDONLY)
for _ in range(3):
    log.error("callback.bug")
logs._SERVICE[0].writer.close()
sys.stderr.write(f"{kept > 2} {logs.lines_lost()}\\n")
"""


@pytest.mark.parametrize("closed", [{1}, {0, 1}])
def test_a_closed_stdout_is_one_sentence_and_every_line_is_lost(closed: set[int]) -> None:
    """What is opened later does not get its number, and so not the log."""
    command = f"exec {' '.join(f'{number}>&-' for number in closed)}; exec {sys.executable} -c '{CLOSED}'"
    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True, check=False)
    sentence = "receiver: stdout is closed, so the log is lost; the service runs without it"
    assert done.stderr.splitlines() == [sentence, f"{closed == {1}} 3"]
