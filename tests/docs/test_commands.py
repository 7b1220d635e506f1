"""The commands of README and ``docs/start.md`` do what is written around them, as they stand."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pages import ROOT

from tests.ports import free_port


def commands(document: str) -> list[str]:
    """Give the commands of all its ``console`` blocks, in their order."""
    blocks = re.findall(r"^```console\n(.*?)^```", (ROOT / document).read_text("utf-8"), re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines()]
    assert all(line.startswith("$ ") for line in lines), "a command a line"
    return [line.removeprefix("$ ") for line in lines]


@pytest.mark.service
@pytest.mark.parametrize("document", ["README.md", "docs/start.md"])
def test_commands_do_what_is_written(document: str, tmp_path: Path) -> None:
    """In a fresh folder, in one shell, on ports of their own; the first one that fails ends it and is named."""
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/receiver").symlink_to(Path(sys.executable).parent / "receiver")
    lines = commands(document)
    assert len(lines) > 5
    port, admin_port = free_port(), free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RECEIVER_")}
    environment |= {"RECEIVER_SERVER__PORT": str(port), "RECEIVER_ADMIN__PORT": str(admin_port)}
    # A command that ends with & has no end to wait for; what started well is held to its end by `wait`.
    script = "\n".join(["set -e", "trap 'echo \"failed: $BASH_COMMAND\" >&2' ERR", *lines, "wait"])
    shell = subprocess.Popen(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        said, why = shell.communicate(timeout=200)
    finally:
        if shell.poll() is None:
            os.killpg(shell.pid, signal.SIGKILL)
    assert shell.returncode == 0, f"{why}\n{said}"
    assert "ready" in said
    assert re.search(r"swaps +\w+ +#1 auto_swap", said), "its events are shown"
    assert '"serve.stopped"' in (tmp_path / "receiver.log").read_text("utf-8")
