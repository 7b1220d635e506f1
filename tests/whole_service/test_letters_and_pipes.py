"""Terminals without letters, and results that go where they cannot."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.chaos.service import Service, until
from tests.warm_commands import WarmCommands
from tests.whole_service.starting import (
    RECEIVER,
    SWAP,
    run,
    sentence,
)

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
LETTERS = [ASCII, {**ASCII, "PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}, {"LC_ALL": "nowhere"}]


@pytest.mark.parametrize("environ", LETTERS, ids=str)
def test_no_encoding_of_the_terminal_ends_a_command(service: Service, environ: dict[str, str]) -> None:
    """What it has no letter for is shown as an escape; a file is UTF-8 whatever the locale."""
    text = service.config.read_text()
    service.config.write_text("\ufeff# Gegenstück → 例\n" + text, "utf-8")
    for command in (["check"], ["providers"], ["schemas"], ["show", "例→"], ["init", "--provider", "例"]):
        done = run(service, *command, environ=environ)
        assert "Traceback" not in done.stderr
        assert "a bug" not in done.stderr
        assert done.returncode in {0, 1, 2}
    assert run(service, "check", environ=environ).returncode == 0
    service.environ |= environ
    service.start()
    service.wait_ready()
    assert service.post_swap({**SWAP, "id": "例→"}) == 200
    until(lambda: (service.readyz() or {})["interpret"].get("interpreted") == 1)
    for command in (["show", "例→"], ["tail"], ["tail", "--json"], ["drift"]):
        done = run(service, *command)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert service.stop() == 0


def test_export_to_a_dash_is_stdout(service: Service) -> None:
    """And ``import -`` is stdin."""
    service.start()
    service.wait_ready()
    assert service.post_swap(SWAP) == 200
    assert service.stop() == 0
    done = run(service, "export", "--unmasked", "--to", "-")
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 1)
    assert not (service.folder / "-").exists()
    other = Service(service.folder / "other")
    command = [*RECEIVER, "import", "-", "--config", str(other.config)]
    taken = subprocess.run(
        command,
        input=done.stdout,
        env=other.environ,
        cwd=other.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (taken.returncode, "imported 1 callbacks" in taken.stderr) == (0, True), taken.stderr


def test_results_that_a_full_disk_does_not_take_are_a_sentence(service: Service) -> None:
    """Said when they are written, or at the latest at the end of the process."""
    with Path("/dev/full").open("wb") as full, (service.folder / "errors").open("wb") as errors:
        started = WarmCommands.like(service.environ).start(["providers"], service.environ, service.folder, full, errors)
        code = started.wait(60)
    said = (service.folder / "errors").read_text()
    sentence(subprocess.CompletedProcess(["providers"], code, "", said), "No space left on device")


def test_results_for_a_closed_stdout_are_a_sentence(service: Service) -> None:
    """An interpreter of its own: what it makes of a descriptor that is not there it does at its start."""
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *RECEIVER, "providers"],
        env=service.environ,
        cwd=service.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    sentence(done, "stdout is closed")
