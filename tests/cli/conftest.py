"""A desk for the tests of commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from receiver.operate import requests
from receiver.service import logs
from tests.cli.desk import CONFIGURATION, SECRETS, Desk
from tests.support import Lines


@pytest.fixture(autouse=True)
def no_logging(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command sets logging up for its whole process, which here is the tests'."""
    monkeypatch.setattr(logs, "configure", lambda **_: None)
    monkeypatch.setattr(logs, "get", Lines)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Desk:
    """With a sound configuration, and no journal yet."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setattr(requests, "WAIT_S", 0.0)  # no service runs that one could wait for
    config = tmp_path / "receiver.toml"
    config.write_text(CONFIGURATION.format(folder=tmp_path), "utf-8")
    return Desk(config, capfd)
