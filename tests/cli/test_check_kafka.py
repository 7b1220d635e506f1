"""``check --kafka`` and ``topics accept``: what they print, and how they end."""

from __future__ import annotations

from pathlib import Path

import pytest
from kafka_local import LocalKafka

from receiver.cli import main
from receiver.service import logs

CONFIGURATION = """
[journal]
url = "sqlite:{folder}/journal"

[kafka]
bootstrap_servers = ["{bootstrap}"]
topic_prefix = "{prefix}"

[[sources]]
name = "0xpay-main"
provider = "0xpay"
account = "3f0c9a52-6d1e-4b7a-9c58-21e4b7d0a6f3"
public_url = "https://merchant.example.com/webhooks/0xpay-main"
secrets = ["env:OXPAY_PRIVATE_KEY"]
"""


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret, and the log of the tests left alone."""
    monkeypatch.setenv("OXPAY_PRIVATE_KEY", "made-up")
    monkeypatch.setattr(logs, "configure", lambda **_: None)


def configured(folder: Path, bootstrap: str, prefix: str = "") -> str:
    """A configuration with a Kafka."""
    file = folder / "receiver.toml"
    file.write_text(CONFIGURATION.format(folder=folder, bootstrap=bootstrap, prefix=prefix))
    return str(file)


def test_a_broker_that_does_not_answer_is_a_fault(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """With its address, the reason, and exit 1."""
    assert main.run(["check", "--kafka", "--config", configured(tmp_path, "127.0.0.1:1")]) == 1
    said = capfd.readouterr()
    assert "fault: no broker answers: 127.0.0.1:1 refuses connections" in said.out
    assert "Kafka: 1 faults, 0 notes" in said.err


@pytest.mark.parametrize("address", ["http://kafka:9092", "kafka:port"])
def test_an_address_that_cannot_be_is_a_bad_configuration(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], address: str
) -> None:
    """Without ``--kafka`` too: exit 2, and nothing connects."""
    assert main.run(["check", "--config", configured(tmp_path, address)]) == 2
    assert f"kafka.bootstrap_servers: '{address}'" in capfd.readouterr().err


def test_each_fault_has_the_command_that_mends_it(
    kafka: LocalKafka, tmp_path: Path, prefix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Exit 1 until it was run, and 0 after it. Nothing is made by looking, in the journal's place neither."""
    config = configured(tmp_path, kafka.bootstrap, prefix)
    assert main.run(["check", "--kafka", "--config", config]) == 1
    said = capfd.readouterr().out
    assert f"fault: topic {prefix}receiver.positions is missing\n    receiver topics create\n" in said
    assert [path.name for path in tmp_path.iterdir()] == ["receiver.toml"]
    assert main.run(["topics", "create", "--config", config]) == 0
    capfd.readouterr()
    assert main.run(["check", "--kafka", "--config", config]) == 0
    said = capfd.readouterr().err
    assert "the configuration is sound" in said


def test_a_topic_that_is_none_of_ours_cannot_be_accepted(
    kafka: LocalKafka, tmp_path: Path, prefix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Exit 1, with those that are."""
    config = configured(tmp_path, kafka.bootstrap, prefix)
    assert main.run(["topics", "accept", "--config", config, "another"]) == 1
    assert f"another is none of the topics that events go to: {prefix}exchange.status.v1" in capfd.readouterr().err
