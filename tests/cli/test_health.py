"""``receiver health``: one line and an exit code, for whoever probes."""

from __future__ import annotations

from pathlib import Path

import pytest

from receiver.cli import health
from receiver.cli.main import run
from receiver.model.errors import ReceiverError
from tests.cli.test_main import imported


class Service:
    """Answers every question alike, and notes each."""

    def __init__(self, status: int, body: bytes) -> None:
        self._answer = status, body
        self.asked: list[tuple[str, int, str, float]] = []

    def ask(self, host: str, port: int, path: str, timeout_s: float) -> tuple[int, bytes]:
        """Stand for ``receiver.service.health.ask``."""
        self.asked.append((host, port, path, timeout_s))
        return self._answer


@pytest.mark.parametrize(
    ("arguments", "answer", "code", "out", "err"),
    [
        ([], (200, b'{"ready": true}'), 0, "ready\n", ""),
        (["--ready"], (200, b'{"ready": true}'), 0, "ready\n", ""),
        (["--live"], (200, b"OK"), 0, "alive\n", ""),
        (["--live", "--json"], (200, b"OK"), 0, "alive\n", ""),
        (["--json"], (200, b'{"ready": true}'), 0, '{"ready": true}\n', ""),
        (["--json"], (503, b'{"ready": false}'), 1, '{"ready": false}\n', ""),
        ([], (503, b'{"inbox": {"detail": "disk_full"}}'), 1, "", "receiver: not ready: disk_full\n"),
        (["--live"], (500, b""), 1, "", "receiver: not alive: HTTP 500\n"),
    ],
)
def test_each_answer_is_a_line_and_a_code(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    answer: tuple[int, bytes],
    code: int,
    out: str,
    err: str,
) -> None:
    """Results on stdout, why not on stderr."""
    service = Service(*answer)
    monkeypatch.setattr(health, "ask", service.ask)
    assert run(["health", *arguments]) == code
    assert [path for _, _, path, _ in service.asked] == ["/livez" if "--live" in arguments else "/readyz"]
    assert tuple(capfd.readouterr()) == (out, err)


def test_no_answer_is_exit_1_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A service that is not there is not ready."""

    def ask(*_: object) -> tuple[int, bytes]:
        raise ReceiverError("no answer from 127.0.0.1:8081: Connection refused")

    monkeypatch.setattr(health, "ask", ask)
    assert run(["health"]) == 1
    assert capfd.readouterr().err == "receiver: no answer from 127.0.0.1:8081: Connection refused\n"


def test_the_configured_address_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of the file that is named, which must then be there; without one, of the default."""
    file = tmp_path / "receiver.toml"
    file.write_text('[admin]\nport = 4711\n[sources]\n"not" = "looked at"\n', "utf-8")
    service = Service(200, b"")
    monkeypatch.setattr(health, "ask", service.ask)
    monkeypatch.chdir(tmp_path / "..")
    monkeypatch.delenv("RECEIVER_CONFIG", raising=False)
    assert run(["health", "--config", str(file), "--timeout-s", "1"]) == 0
    assert run(["health"]) == 0
    assert service.asked == [("127.0.0.1", 4711, "/readyz", 1), ("127.0.0.1", 8081, "/readyz", 2)]
    assert run(["health", "--config", str(tmp_path / "missing.toml")]) == 2


def test_it_imports_next_to_nothing() -> None:
    """A probe runs it every few seconds: within a tenth of a second, of which the imports are nearly all."""
    slow = {"pydantic", "apsw", "rich", "http.client", "ssl", "asyncio", "starlette", "structlog", "aiokafka"}
    assert not imported(["health", "--help"]) & slow
