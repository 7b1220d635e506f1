"""No port is given to two processes, however many each of them takes."""

from __future__ import annotations

import subprocess
import sys

from tests.ports import BLOCK

TAKE = f"""
from tests.ports import free_port
print(*(free_port() for _ in range({5 * BLOCK})), flush=True)
input()
"""


def test_processes_that_live_at_once_are_given_ports_of_their_own() -> None:
    """Also where nothing listens on them yet, which is when two could take the same."""
    takers = [
        subprocess.Popen([sys.executable, "-c", TAKE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    given = [taker.stdout.readline().split() for taker in takers if taker.stdout is not None]
    for taker in takers:
        taker.communicate("\n", timeout=60)
    ports = [int(port) for each in given for port in each]
    assert len(set(ports)) == len(ports) == 15 * BLOCK
