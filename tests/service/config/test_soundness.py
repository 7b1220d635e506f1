"""A configuration's faults and what is careless in it, as ``check`` and ``doctor`` say them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from receiver.service.config.settings import Settings, build
from receiver.service.config.soundness import advice_on, faults_of

SECRETS = {"PUBLIC": "9f31c07be2d84a65", "SECRET": "k7Qm2xV9pLr4TzB8wYc1"}


def settings(folder: Path, **more: Any) -> Settings:
    """Give a configuration with one source, sound but for what ``more`` says."""
    keys = [{"public": "env:PUBLIC", "secret": "env:SECRET"}]
    sources = [{"name": "swaps", "provider": "onchainpay", "keys": keys}]
    return build({"journal": {"url": f"sqlite:{folder}/journal"}, "sources": sources} | more, "receiver.toml")


def test_a_sound_one_has_no_faults(tmp_path: Path) -> None:
    """And nothing is made by looking."""
    assert faults_of(settings(tmp_path), SECRETS) == []
    assert [
        str(one) for one in advice_on(settings(tmp_path), SECRETS, tmp_path / "receiver.toml") if not one.note
    ] == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("more", "environ", "fault"),
    [
        ({}, {"PUBLIC": "9f31c07be2d84a65"}, "the environment has no SECRET"),
        ({}, SECRETS | {"SECRET": " k7Qm2xV9pLr4TzB8 "}, "SECRET"),
        ({"admin": {"host": "no such host.invalid"}}, SECRETS, "admin.host: "),
        ({"kafka": {"bootstrap_servers": ["http://kafka:9092"]}}, SECRETS, "kafka.bootstrap_servers"),
    ],
)
def test_every_fault_is_named(tmp_path: Path, more: dict[str, Any], environ: dict[str, str], fault: str) -> None:
    """Of sources, secrets, Kafka and addresses alike, at once."""
    assert any(fault in found for found in faults_of(settings(tmp_path, **more), environ))


def test_links_and_weak_secrets_are_advice(tmp_path: Path) -> None:
    """They would run."""
    environ = SECRETS | {"SECRET": "changeme", "RECEIVER_SERVICE_HOST": "10.0.0.1", "RECEIVER_SERVICE_PORT": "80"}
    places = [one.place for one in advice_on(settings(tmp_path), environ, tmp_path / "receiver.toml")]
    assert "environment" in places
    assert any(place.startswith("sources.0") for place in places)
