"""What needs Kafka and has none configured is a bad configuration: exit 2 in every command, before anything is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from receiver.cli import main
from receiver.service import logs

CONFIGURATION = """
[journal]
url = "sqlite:{folder}/journal"

[[sources]]
name = "0xpay-main"
provider = "0xpay"
account = "3f0c9a52-6d1e-4b7a-9c58-21e4b7d0a6f3"
public_url = "https://merchant.example.com/webhooks/0xpay-main"
secrets = ["env:OXPAY_PRIVATE_KEY"]
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A sound configuration without ``[kafka]``, and no journal yet."""
    monkeypatch.setenv("OXPAY_PRIVATE_KEY", "made-up")
    monkeypatch.setattr(logs, "configure", lambda **_: None)  # it is for the whole process, which here is the tests'
    file = tmp_path / "receiver.toml"
    file.write_text(CONFIGURATION.format(folder=tmp_path))
    return str(file)


@pytest.mark.parametrize(
    "arguments",
    [
        ["topics", "create"],
        ["tail", "--kafka"],
        ["check", "--kafka"],
        ["journal", "rejoin"],
        ["replay", "--from", "kafka", "--to", "stdout"],
        ["replay", "--to", "kafka", "--topic", "x"],
        ["replay", "--from", "kafka", "--to", "kafka", "--topic", "x", "--yes"],
        ["simulate", "--verify", "kafka", "--count", "1"],
    ],
    ids=" ".join,
)
def test_it_is_exit_2_and_says_what_is_missing(
    config: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """Whatever else is missing too: there is no journal here, and nobody listens for what ``simulate`` would send."""
    at = 2 if arguments[0] in {"topics", "journal"} else 1
    assert main.run([*arguments[:at], "--config", config, *arguments[at:]]) == 2
    said = capfd.readouterr().err
    assert "there is no [kafka] in the configuration" in said
    assert "sending to" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["receiver.toml"]
