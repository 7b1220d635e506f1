"""The limit of open files, raised in a process of its own."""

from __future__ import annotations

import json
import resource
import subprocess
import sys

import pytest

from receiver.service.open_files import UNLIMITED, raise_open_files

ASK = """
import json, resource, sys
from receiver.service.open_files import raise_open_files
soft, hard = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
print(json.dumps([raise_open_files(), *resource.getrlimit(resource.RLIMIT_NOFILE)]))
"""


def asked(soft: int, hard: int) -> list[int]:
    """What it gives, and the limits afterwards."""
    command = [sys.executable, "-c", ASK, str(soft), str(hard)]
    return list(json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout))


def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    """And that is what it says."""
    assert asked(256, 900) == [900, 900, 900]
    assert asked(900, 900) == [900, 900, 900]


def test_a_system_that_refuses_keeps_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hard limit of none is not always meant: the service starts with what it has."""

    def refuse(_which: int, _limits: tuple[int, int]) -> None:
        raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda _which: (256, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert raise_open_files() == 256


def test_no_limit_is_a_large_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is reckoned with."""
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (resource.RLIM_INFINITY,) * 2)
    assert raise_open_files() == UNLIMITED
