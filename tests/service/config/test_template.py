"""``init`` writes what ``check`` accepts, once its secrets exist and a person has filled it in."""

from __future__ import annotations

from pathlib import Path

from receiver.providers.registry import built_in
from receiver.service.config.settings import load
from receiver.service.config.sources import resolve_sources
from receiver.service.config.template import configuration


def test_init_writes_what_check_accepts(tmp_path: Path) -> None:
    """Once the secrets exist, every table and reference is right; what a person fills in is asked for elsewhere."""
    file = tmp_path / "receiver.toml"
    file.write_text(configuration(built_in()))
    names = ("OXPAY_PRIVATE_KEY", "ONCHAINPAY_PUBLIC", "ONCHAINPAY_SECRET", "CALYPSO_PUBLIC", "CALYPSO_SECRET")
    environ = dict.fromkeys((*names, "CALYPSO_API_KEY", "CALYPSO_API_SECRET", "CRYPTOEXCHANGE_AUTHORIZATION"), "a")
    assert all(source.access is None for _, source in resolve_sources(load(file), environ).values() if source.keys)
    file.write_text(file.read_text().replace("# [sources.poll]", "[sources.poll]").replace("# key =", "key ="))
    assert resolve_sources(load(file), environ)["calypso"][1].access is not None
    assert list(resolve_sources(load(file), environ)) == ["0xpay-main", "swaps", "calypso", "orders"]
