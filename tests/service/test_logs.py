"""Log lines: one JSON object each, and a traceback that quotes nobody."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys

from receiver.service.logs import Lines, frames_only

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


class Writes(io.BytesIO):
    """A file that counts what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Count, and write."""
        self.count += 1
        return super().write(data)


async def test_what_a_turn_of_the_loop_logs_is_written_together() -> None:
    """Whichever thread it comes from; a warning takes along what waits before it."""
    file = Writes()
    lines = Lines(file)
    lines.later(b"before the loop")
    assert file.count == 1
    lines.write_together(asyncio.get_running_loop())
    lines.later(b"a")
    lines.later(b"b")
    assert file.count == 1
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (file.count, file.getvalue()) == (2, b"before the loop\na\nb\n")
    await asyncio.to_thread(lines.later, b"from elsewhere")
    await asyncio.sleep(0.01)
    lines.later(b"c")
    lines.now(b"at once")
    assert (file.count, file.getvalue()) == (4, b"before the loop\na\nb\nfrom elsewhere\nc\nat once\n")
