"""Make a small journal with an older build: ``python -m tests.journals.make_journal CHECKOUT FORMAT``.

CHECKOUT is a folder with an older release of this repository (``git archive COMMIT | tar x -C CHECKOUT``), which the
packages of today's ``.venv`` run. Its own ``receiver serve`` takes the callbacks of ``old_traffic``, and what it leaves
in its journal's folder when it is stopped is packed, as it is, into ``format-FORMAT.tar.xz`` beside this file. A
journal is made once, when its format is the newest, and never again: what is wanted is what that build wrote.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.chaos.service import Service, until
from tests.journals.old_traffic import UNREAD, packed, told


def main(checkout: Path, version: int) -> None:
    """Start the build, send it what it is told, stop it, and pack its journal."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder) / "service")
        environ = {**service.environ, "PYTHONPATH": os.pathsep.join([str(checkout), str(checkout / "schemas")])}
        command = [sys.executable, "-m", "receiver", "serve", "--config", str(service.config)]
        with (
            service.log.open("ab") as log,
            subprocess.Popen(command, env=environ, cwd=checkout, stdout=log, stderr=log) as process,
        ):
            try:
                service.wait_ready()
                for one in told():
                    assert service.post(one.source, one.body, one.headers(int(time.time()))) == 200
                assert service.post_swap(UNREAD) == 200
                until(lambda: _all_interpreted(service.readyz() or {}))
            finally:
                process.terminate()
            assert process.wait(30) == 0
        _pack(service.folder / "journal", packed(version))


def _all_interpreted(said: dict[str, Any]) -> bool:
    # The oldest builds told it of their "relay", which interpreted and published.
    return bool((said.get("interpret") or said["relay"])["uninterpreted"] == 0)


def _pack(journal: Path, target: Path) -> None:
    with tarfile.open(target, "w:xz") as archive:
        for path in sorted(journal.iterdir()):
            if path.is_file() and path.suffix != ".lock" and not path.name.endswith("-shm"):
                archive.add(path, f"journal/{path.name}", filter=_plain)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    # Nothing of who made it.
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), int(sys.argv[2]))
