"""A fork in a place of its own is to the system what a command is that other programs prepare; and how a fork ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.warm_commands import WarmCommands
from tests.warm_places import Place
from tests.whole_service.starting import as_root

pytestmark = pytest.mark.service
SHOWS = """
import os, resource, sys
from pathlib import Path
names = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "Groups", "Uid", "Gid", "NoNewPrivs", "Seccomp")
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print({name: status[name].split() for name in names})
print(resource.getrlimit(resource.RLIMIT_NOFILE), os.getsid(0) == os.getpgid(0) == os.getpid())
print([line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines() if sys.argv[1] in line])
"""
RIGHTS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--groups=23456")


def test_a_place_is_what_other_programs_make_of_it(tmp_path: Path) -> None:
    """Rights, groups, limits, session and mounts, as the system tells them."""
    as_root()
    mount = f"mount -t tmpfs none {tmp_path}"
    outside = ["unshare", "-m", "sh", "-ec", f'mount --make-rprivate /; {mount}; exec "$@"', "sh"]
    command = [*outside, *RIGHTS, "prlimit", "--nofile=70:90", sys.executable, "-c", SHOWS, str(tmp_path)]
    cold = subprocess.run(command, capture_output=True, text=True, start_new_session=True, check=True)
    place = Place(session=True, files=(70, 90), mounts=[mount], groups=[23456], ordinary=True)
    assert program(SHOWS, tmp_path, str(tmp_path), place=place) == (0, cold.stdout, "")
    assert str(tmp_path) in cold.stdout
    assert program(SHOWS, tmp_path, str(tmp_path))[1].splitlines()[-1] == "[]"


ENDS = {
    "returns": ("print('out')", 0),
    "a code": ("import sys; print('out'); sys.exit(7)", 7),
    "a sentence": ("import sys; print('out'); sys.exit('a sentence')", 1),
    "an error": ("print('out'); raise SystemExit(1) from ValueError('why')", 1),
    "registered": ("import atexit; atexit.register(print, 'out')", 0),
    "a thread": ("import threading as t, time; t.Thread(target=lambda: (time.sleep(0.1), print('out'))).start()", 0),
    "a stream that takes nothing": ("import sys; sys.stdout = open('/dev/full', 'w'); print('out')", 120),
}  # fmt: skip


@pytest.mark.parametrize("how", ENDS)
def test_a_fork_ends_as_an_interpreter_does(tmp_path: Path, how: str) -> None:
    """Its code, and all that it says, also at the very end."""
    text, code = ENDS[how]
    cold = subprocess.run([sys.executable, "-c", text], cwd=tmp_path, capture_output=True, text=True, check=False)
    done = program(text, tmp_path)
    assert cold.returncode == code
    assert done[:2] == (code, cold.stdout)
    assert done[2].splitlines()[-1:] == cold.stderr.splitlines()[-1:]


def test_one_that_nobody_catches_is_a_traceback(tmp_path: Path) -> None:
    """And exit 1."""
    code, _, errors = program("raise ValueError('why')", tmp_path)
    assert (code, errors.splitlines()[0], errors.splitlines()[-1]) == (
        1, "Traceback (most recent call last):", "ValueError: why"
    )  # fmt: skip


def program(text: str, folder: Path, *arguments: str, place: Place | None = None) -> tuple[int, str, str]:
    """Run a program as a fork: its exit code and what it says."""
    with (folder.parent / "out").open("w+b") as out, (folder.parent / "errors").open("w+b") as errors:
        started = WarmCommands.like(os.environ).start(
            arguments, os.environ, folder, out, errors, program=text, place=place or Place()
        )
        code = started.wait(60)
        out.seek(0)
        errors.seek(0)
        return code, out.read().decode(), errors.read().decode()
