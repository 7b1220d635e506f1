"""The keys of a journal, from their references: in order, and each fault by its place and never its value."""

from __future__ import annotations

from pathlib import Path

import pytest

from receiver.model.errors import ConfigurationError
from receiver.service.config.journal_keys import resolve_keys
from receiver.service.config.secret_lint import odd_secrets
from receiver.service.config.settings import Settings, build

ONE, TWO = bytes(range(32)).hex(), bytes(range(64, 96)).hex()


def settings(*keys: str) -> Settings:
    """With these references."""
    source = {"name": "swaps", "provider": "onchainpay", "keys": [{"public": "env:P", "secret": "env:S"}]}
    return build({"journal": {"keys": list(keys)}, "sources": [source]}, "here")


def test_keys_come_in_their_order(tmp_path: Path) -> None:
    """From the environment and from files, whose trailing newline is none of the key."""
    (tmp_path / "two").write_text(f"{TWO}\n")
    ring = resolve_keys(settings("env:ONE", f"file:{tmp_path}/two"), {"ONE": ONE})
    assert len(ring.ids) == 2
    assert ring.first is not None
    assert ring.first.secret.hex() == ONE
    assert resolve_keys(settings(), {}).first is None


def test_each_fault_is_named_and_no_value_shown() -> None:
    """One that is not there, one that is no key, one that is there twice."""
    with pytest.raises(ConfigurationError) as refused:
        resolve_keys(
            settings("env:NONE", "env:BAD", "env:ONE", "env:ALIKE"), {"BAD": "changeme", "ONE": ONE, "ALIKE": ONE}
        )
    faults = refused.value.faults
    assert faults[0] == "journal.keys.0: the environment has no NONE"
    assert faults[1].startswith("journal.keys.1: the secret behind env:BAD is no key")
    assert faults[2].startswith("journal.keys.3: env:ALIKE is the key")
    assert not any("changeme" in fault or ONE in fault for fault in faults)


def test_a_key_with_something_around_it_is_odd() -> None:
    """As any other secret."""
    assert odd_secrets(settings("env:ONE"), {"ONE": f" {ONE}", "P": "p", "S": "s"}) == [
        "journal.keys.0: the secret behind env:ONE has a space or tab around it"
    ]
