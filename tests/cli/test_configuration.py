"""``receiver init`` writes a source for each provider that is asked for, and knows which there are."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from receiver.cli.exit_codes import DONE, WRONG_USE
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
