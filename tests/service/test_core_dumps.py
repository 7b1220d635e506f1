"""No core dumps: proven in processes of their own, since the limit cannot be raised again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import ctypes, os, resource
from pathlib import Path
from receiver.service.core_dumps import forbid_core_dumps, hide_memory
before = Path("/proc/self/coredump_filter").read_text()
print(forbid_core_dumps(os.environ))
hide_memory(os.environ)
after = Path("/proc/self/coredump_filter").read_text()
print(resource.getrlimit(resource.RLIMIT_CORE) == (0, 0) and int(after, 16) == 0, before == after)
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), len(os.listdir("/proc/self/fd")) > 2)
"""


@pytest.mark.skipif(not Path("/proc/self/coredump_filter").exists(), reason="Linux alone has the second half")
@pytest.mark.parametrize(
    ("variables", "said"),
    [({}, ["True", "True False", "0 True"]), ({"RECEIVER_CORE_DUMPS": "allow"}, ["False", "False True", "1 True"])],
)
def test_no_core_is_written_unless_it_is_allowed(variables: dict[str, str], said: list[str]) -> None:
    """Neither a file nor to a program, nor can others read the memory; it can still count its own open files."""
    lifted = f"ulimit -c $(ulimit -Hc); exec {sys.executable} -c '{PROGRAM}'"
    done = subprocess.run(["/bin/sh", "-c", lifted], env=variables, capture_output=True, text=True, check=True)
    found = done.stdout.splitlines()
    if variables:  # a machine may allow no cores at all
        assert (found[0], found[1].split()[1], found[2]) == ("False", "True", "1 True")
    else:
        assert found == said
