"""A child holds its own part in memory and no other: what its module must not bring along."""

from __future__ import annotations

import subprocess
import sys

import pytest

LISTENER = {"receiver.intake.connection", "receiver.intake.http_server", "receiver.intake.webhook"}
"""Of the public listener; its limits alone are numbers, which the settings have as defaults."""
FOREIGN = {
    "intake": {"aiokafka", "httpx", "rich", "structlog", "receiver.interpret.interpreter", "receiver.reconcile"},
    "interpret": {"aiokafka", "httpx", "rich", "starlette", "structlog", "uvicorn", *LISTENER},
    "publish": {"httpx", "rich", "starlette", "structlog", "uvicorn", "receiver.reconcile", *LISTENER},
    "traces": {"aiokafka", "httpx", "starlette", "structlog", "uvicorn", "receiver.interpret.interpreter", *LISTENER},
    "reconcile": {"aiokafka", "starlette", "structlog", "uvicorn", "receiver.interpret.interpreter", *LISTENER},
}
"""Role → what other processes need and this one does not; httpx itself imports rich where it finds it."""


PROGRAM = """
import importlib, os, sys
import receiver.service.child

for role in sys.argv[1:]:
    if os.fork() == 0:
        importlib.import_module(f"receiver.service.processes.{role}")
        print(role, *sys.modules, flush=True)
        os._exit(0)
    assert os.wait()[1] == 0
"""
"""What all children have in common is read once, and the rest by a fork for each role."""


@pytest.fixture(scope="module")
def imported() -> dict[str, set[str]]:
    """Role → the modules that its child has imported."""
    command = [sys.executable, "-c", PROGRAM, *FOREIGN]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    lines = [line.split() for line in done.stdout.splitlines()]
    return {role: set(modules) for role, *modules in lines}


@pytest.mark.parametrize("role", FOREIGN)
def test_a_child_imports_its_own_part(role: str, imported: dict[str, set[str]]) -> None:
    """A library that it does not need would cost each restart time, and memory for as long as it lives."""
    assert f"receiver.service.processes.{role}" in imported[role]
    assert not imported[role] & FOREIGN[role]
