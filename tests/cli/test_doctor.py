"""``receiver doctor``: a page, an exit code, and a file for whoever is asked for help."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from receiver.cli.main import run
from tests.ports import free_port

CONFIGURATION = """
[admin]
port = {port}
[journal]
url = "sqlite:{folder}/journal"
[kafka]
bootstrap_servers = ["127.0.0.1:{closed}"]
client = {{ security_protocol = "SASL_SSL", sasl_mechanism = "PLAIN", sasl_plain_username = "file:{folder}/public", sasl_plain_password = "file:{folder}/secret" }}
[[sources]]
name = "swaps"
provider = "onchainpay"
keys = [{{ public = "file:{folder}/public", secret = "file:{folder}/secret" }}]
"""  # noqa: E501
SECRET = "k7Qm2xV9pLr4TzB8"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Give a configuration whose Kafka and service are not there."""
    for name in ("public", "secret"):
        (tmp_path / name).write_text(f"{name}-{SECRET}\n")
        (tmp_path / name).chmod(0o600)
    file = tmp_path / "receiver.toml"
    file.write_text(CONFIGURATION.format(folder=tmp_path, port=free_port(), closed=free_port()), "utf-8")
    return file


def test_a_page_with_what_to_do(config: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Faults last, each with what mends it, and exit 1."""
    assert run(["doctor", "--config", str(config)]) == 1
    out, err = capfd.readouterr()
    levels = [line.split()[0] for line in out.splitlines() if not line.startswith(" ")]
    assert levels == sorted(levels, key=("well", "note", "warning", "fault").index)
    assert levels[-1] == "fault"
    assert "kafka" in out
    assert err.splitlines()[-1].startswith("1 fault, ")


def test_without_faults_it_is_exit_0(config: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Warnings and notes are for people to weigh."""
    text = config.read_text("utf-8")
    config.write_text(text[: text.index("[kafka]")] + text[text.index("[[sources]]") :], "utf-8")
    assert run(["doctor", "--config", str(config), "--json", "--quick"]) == 0
    rows = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert all(set(row) == {"level", "area", "what", "mend"} for row in rows)
    assert {row["area"] for row in rows} >= {"disk", "journal", "kafka", "limits", "service"}


def test_a_configuration_with_faults_is_not_gone_on_with(config: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Its faults are named, and nothing is asked of a Kafka that may be the wrong one."""
    (config.parent / "secret").unlink()
    assert run(["doctor", "--config", str(config)]) == 1
    out, _ = capfd.readouterr()
    assert "secret: No such file" in out
    assert "not looked at" in out
    config.write_text("[", "utf-8")
    assert run(["doctor", "--config", str(config)]) == 2


def test_the_bundle_holds_all_but_secrets(config: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """For its owner alone; one that is there stays as it is."""
    file = tmp_path / "bundle.zip"
    config.write_text(
        config.read_text("utf-8").replace(f'"file:{tmp_path}/secret" }}\n[[', f'"in-clear-{SECRET}" }}\n[['), "utf-8"
    )
    assert run(["doctor", "--config", str(config), "--quick", "--bundle", str(file)]) == 1
    assert file.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert set(parts) == {"signs.json", "configuration.json", "versions.json", "readyz.json", "metrics.txt"}
    assert SECRET not in "".join(parts.values())
    assert json.loads(parts["configuration.json"])["kafka"]["client"]["sasl_plain_password"] == "(set)"
    assert "aiokafka" in json.loads(parts["versions.json"])
    assert SECRET not in "".join(capfd.readouterr())
    assert run(["doctor", "--config", str(config), "--bundle", str(file)]) == 1
    assert "is there already" in capfd.readouterr().err
