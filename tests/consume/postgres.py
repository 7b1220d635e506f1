"""A PostgreSQL of the test's own: a folder, a port on loopback, and gone at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.chaos.service import until
from tests.ports import free_port


def programs() -> Path | None:
    """The folder of ``initdb`` and ``postgres``: in the PATH, else where Debian has it; None where there is none."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists() and (place / "postgres").exists()), None)


def as_anybody() -> dict[str, Any]:
    """Who a server runs as that refuses to run as root, for ``subprocess``."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


@contextmanager
def postgres(bin_: Path, *options: str) -> Iterator[str]:
    """The connection string of one that is ready. It forgets when the machine dies, which here it does not.

    ``options`` are more words of its command line.
    """
    who = as_anybody()
    with tempfile.TemporaryDirectory(prefix="ledger-pg-") as folder:
        if who:
            os.chown(folder, who["user"], who["group"])
        data, port = f"{folder}/data", free_port()
        initdb = [str(bin_ / "initdb"), "-D", data, "-N", "-A", "trust", "-U", "ledger", "-E", "UTF8", "--locale=C"]
        done = subprocess.run(initdb, cwd=folder, capture_output=True, text=True, check=False, **who)
        assert done.returncode == 0, done.stdout + done.stderr
        command = [str(bin_ / "postgres"), "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", folder, "-F", *options]
        with Path(folder, "log").open("wb") as log:
            process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **who)
        address = f"postgresql://ledger@127.0.0.1:{port}/postgres"
        try:
            until(lambda: process.poll() is not None or _answers(address))
            assert process.poll() is None, Path(folder, "log").read_text(errors="replace")
            yield address
        finally:
            process.send_signal(signal.SIGINT)  # which ends its sessions
            process.wait(30)


def _answers(address: str) -> bool:
    try:
        psycopg.connect(address, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
