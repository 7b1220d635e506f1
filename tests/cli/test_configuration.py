"""``receiver init`` writes a source for each provider that is asked for, and knows which there are."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from receiver.cli.exit_codes import DONE, FAILED, WRONG_USE
from receiver.cli.main import run
from receiver.providers.registry import providers


def sources(file: Path) -> list[str]:
    """The providers of a file's sources."""
    return [source["provider"] for source in tomllib.loads(file.read_text("utf-8"))["sources"]]


def test_without_a_choice_all_that_send_callbacks_are_there(tmp_path: Path) -> None:
    """In the registry's order."""
    file = tmp_path / "receiver.toml"
    assert run(["init", "--config", str(file)]) == DONE
    assert sources(file) == [slug for slug, provider in providers().items() if provider.calls_back]


def test_those_that_are_chosen_and_each_once(tmp_path: Path) -> None:
    """In the order of the choice."""
    file = tmp_path / "receiver.toml"
    chosen = ["--provider", "calypso", "--provider", "0xpay", "--provider", "calypso"]
    assert run(["init", *chosen, "--config", str(file)]) == DONE
    assert sources(file) == ["calypso", "0xpay"]


def test_one_that_is_not_installed_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And those that are, are named; nothing is written."""
    file = tmp_path / "receiver.toml"
    assert run(["init", "--provider", "nope", "--config", str(file)]) == WRONG_USE
    assert "--provider is one of 0xpay, onchainpay, calypso, cryptoexchange" in capsys.readouterr().err
    assert not file.exists()


GOOD = """
[journal]
url = "sqlite:{folder}/journal"

[[sources]]
name = "swaps"
provider = "onchainpay"
keys = [{{ public = "env:ONCHAINPAY_PUBLIC", secret = "env:ONCHAINPAY_SECRET" }}]
"""


@pytest.fixture
def good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration of which nothing is to be said."""
    monkeypatch.setenv("ONCHAINPAY_PUBLIC", "pk-7c1f")
    monkeypatch.setenv("ONCHAINPAY_SECRET", "k3Vq9ZtB7mXc2LwRp8Hs5YnD")
    monkeypatch.setattr("receiver.service.surroundings.MOUNTS", tmp_path / "nowhere")
    file = tmp_path / "receiver.toml"
    file.write_text(GOOD.format(folder=tmp_path))
    file.chmod(0o600)
    return file


def test_a_careful_configuration_passes_also_strictly(good: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing but notes, which are about the machine of the moment or may well be meant."""
    assert run(["check", "--strict", "--config", str(good)]) == DONE
    said = capfd.readouterr().err.splitlines()
    assert [line for line in said if not line.startswith("note: ")] == ["the configuration is sound"]


def test_a_careless_one_is_sound_and_does_not_pass_strictly(
    good: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """With each reason, and no secret."""
    monkeypatch.setenv("ONCHAINPAY_SECRET", "x9")
    good.write_text(good.read_text() + '[admin]\nhost = "0.0.0.0"\n')
    for strict, code, end in ((False, DONE, "above"), (True, FAILED, "above, which --strict does not let pass")):
        assert run(["check", *(["--strict"] if strict else []), "--config", str(good)]) == code
        said = capfd.readouterr().err
        warnings = [line for line in said.splitlines() if line.startswith("warning: ")]
        assert [line.split(": ")[1] for line in warnings] == ["sources.0 (swaps).keys.0.secret", "admin.host"]
        assert said.endswith(f"the configuration is sound; 2 warnings {end}\n")
        assert "x9" not in said


def test_the_url_of_a_source_is_the_public_one_or_its_path(good: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Never an address of this machine, which no provider can reach."""
    assert run(["check", "--config", str(good)]) == DONE
    assert capfd.readouterr().out.startswith("swaps  public_url is not set: the path is /webhooks/swaps\n")
    good.write_text(good.read_text() + 'public_url = "https://shop.test/webhooks/swaps"\n')
    assert run(["check", "--config", str(good)]) == DONE
    assert capfd.readouterr().out.startswith("swaps  https://shop.test/webhooks/swaps\n")


def test_the_sources_are_told_as_json(good: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """One object each; what is said of the configuration stays a message."""
    assert run(["check", "--json", "--config", str(good)]) == DONE
    out, err = capfd.readouterr()
    (said,) = map(json.loads, out.splitlines())
    assert (said["source"], said["public_url"], said["path"], said["asks"]) == ("swaps", None, "/webhooks/swaps", None)
    assert err.endswith("the configuration is sound\n")


def test_what_no_webhook_tells_of_is_said_where_it_is_not_asked_for(
    good: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It may be meant: who has no exchanges needs no poll."""
    for name in ("CALYPSO_PUBLIC", "CALYPSO_SECRET"):
        monkeypatch.setenv(name, "k3Vq9ZtB7mXc2LwRp8Hs5YnE" + name)
    calypso = """
[[sources]]
name = "calypso"
provider = "calypso"
account = "7d1e"
keys = [{ public = "env:CALYPSO_PUBLIC", secret = "env:CALYPSO_SECRET" }]
"""
    good.write_text(good.read_text() + calypso)
    assert run(["check", "--strict", "--config", str(good)]) == DONE
    said = capfd.readouterr().err
    assert "note: sources.1 (calypso): no webhook of Calypso tells of exchange; set poll where you have any" in said
    good.write_text(good.read_text() + 'poll = { base_url = "https://api.calypso.test" }\n')
    run(["check", "--config", str(good)])
    assert "tells of exchange" not in capfd.readouterr().err


def test_warnings_stand_beside_faults(good: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    """Which decide the exit code, strict or not."""
    monkeypatch.setenv("ONCHAINPAY_SECRET", "x9")
    good.write_text(good.read_text().replace("env:ONCHAINPAY_PUBLIC", "env:NOWHERE"))
    for strict in ([], ["--strict"]):
        assert run(["check", *strict, "--config", str(good)]) == WRONG_USE
        said = capfd.readouterr().err
        assert "warning: sources.0 (swaps).keys.0.secret" in said
        assert "receiver: sources.0 (swaps).keys.0.public: the environment has no NOWHERE" in said


@pytest.mark.parametrize("command", ["check", "serve"])
def test_what_init_wrote_is_refused_until_it_is_filled_in(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """By key, with what to put; also once the secrets are there."""
    file = tmp_path / "receiver.toml"
    run(["init", "--config", str(file)])
    names = ("OXPAY_PRIVATE_KEY", "ONCHAINPAY_PUBLIC", "ONCHAINPAY_SECRET", "CALYPSO_PUBLIC", "CALYPSO_SECRET")
    for number, name in enumerate(names):
        monkeypatch.setenv(name, f"k3Vq9ZtB7mXc2LwRp8Hs5Yn{number}")
    assert run([command, "--config", str(file)]) == WRONG_USE
    faults = [line for line in capfd.readouterr().err.splitlines() if line.startswith("receiver: ")]
    assert [line.split(": ")[1] for line in faults] == [
        "sources.0 (0xpay-main).account", "sources.0 (0xpay-main).public_url", "sources.2 (calypso).account",
    ]  # fmt: skip
    assert "put your merchant id, from the merchant settings" in faults[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["receiver.toml"]
