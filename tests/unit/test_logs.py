"""Log lines: one JSON object each, and a traceback that quotes nobody."""

from __future__ import annotations

import json
import subprocess
import sys

from receiver.logs import frames_only

PROGRAM = """
from receiver import logs
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


def test_exceptions_come_in_every_form() -> None:
    """An instance, a tuple, ``True``, or none."""
    error = ValueError("x")
    assert frames_only(None, "", {"exc_info": error})["exception"] == "ValueError"
    assert frames_only(None, "", {"exc_info": (ValueError, error, None)})["exception"] == "ValueError"
    try:
        raise error
    except ValueError:
        assert frames_only(None, "", {"exc_info": True})["exception"] == "ValueError"
    assert frames_only(None, "", {"exc_info": None, "event": "x"}) == {"event": "x"}
