"""What an engine is told, from the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from receiver.model.errors import ConfigurationError
from receiver.service.config.journal_options import engine_options
from receiver.service.config.settings import Settings, build


def configured(password: str | None) -> Settings:
    """A journal in a database."""
    source = {"name": "swaps", "provider": "onchainpay", "keys": [{"public": "env:P", "secret": "env:S"}]}
    journal = {"url": "postgresql://u@db/receiver", "durability": "replicated", "lease_s": 7}
    return build({"sources": [source], "journal": journal | ({"password": password} if password else {})}, "a file")


def test_the_password_is_read_at_each_connect(tmp_path: Path) -> None:
    """So it can be exchanged while the service runs."""
    file = tmp_path / "pg"
    file.write_text("one\n")
    options = engine_options(configured(f"file:{file}"), {})
    assert options.password is not None
    assert options.password() == "one"
    file.write_text("two\n")
    assert options.password() == "two"
    assert (options.replicated, options.lease_s, options.schema) == (True, 7, "receiver")
    assert engine_options(configured(None), {}).password is None


def test_one_that_is_not_there_is_named() -> None:
    """Before anything connects."""
    with pytest.raises(ConfigurationError, match=r"journal\.password: the environment has no PG"):
        engine_options(configured("env:PG"), {})
