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


@pytest.mark.parametrize("role", FOREIGN)
def test_a_child_imports_its_own_part(role: str) -> None:
    """A library that it does not need would cost each restart time, and memory for as long as it lives."""
    program = f"import sys, receiver.service.child, receiver.service.processes.{role}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & FOREIGN[role]
