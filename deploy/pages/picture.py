"""The picture of the README: one operation in the console, from a simulated run; ``make picture`` takes it.

It is taken by a person who changes the page, and not by a test: no two browsers draw alike.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import orjson
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs/operate/console.png"
BYTES_MAX = 150_000
ARRIVALS = 2
"""Of the operation that is shown, at least: one whose story is worth a picture."""
WAIT_S = 90.0
SIZE = {"width": 1240, "height": 712}


def main() -> None:
    """Run the desk in an empty folder, wait for an operation with a story, take it."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        sys.exit("picture: Chromium is needed; Debian has it in the package chromium")
    with tempfile.TemporaryDirectory() as folder:
        ports = [_free_port() for _ in range(2)]
        command = [sys.executable, "-m", "receiver", "dev", "--simulate", "--port", str(ports[0])]
        command += ["--admin-port", str(ports[1])]
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as desk:  # noqa: S603
            try:
                url = _console(desk)
                _take(program, url + _operation(url))
            finally:
                desk.terminate()
    size = PICTURE.stat().st_size
    print(f"{PICTURE.relative_to(ROOT)}: {size} bytes")
    if size > BYTES_MAX:
        sys.exit(f"picture: more than {BYTES_MAX} bytes")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as made:
        return int(made.getsockname()[1])


def _console(desk: subprocess.Popen[bytes]) -> str:
    assert desk.stderr is not None  # noqa: S101
    for line in desk.stderr:
        words = line.decode().split()
        if words[:1] == ["console"]:
            return words[1].rstrip("/")
        if words[:2] == ["no", "console:"]:
            sys.exit(line.decode())
    sys.exit("picture: the desk ended")


def _operation(url: str) -> str:
    end_s = time.monotonic() + WAIT_S
    while time.monotonic() < end_s:
        with urllib.request.urlopen(f"{url}/search?source=0xpay-main&format=json") as answer:  # noqa: S310
            records = orjson.loads(answer.read())["records"]
        for record in records:
            if (record["sequence"] or 0) >= ARRIVALS and record["status"] == "completed":
                return f"/search?q={record['operation_id']}"
        time.sleep(1)
    sys.exit("picture: no operation had a story in time")


def _take(program: str, address: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, color_scheme="light")  # type: ignore[arg-type]
        page.goto(address)
        page.screenshot(path=PICTURE)
        browser.close()


if __name__ == "__main__":
    main()
