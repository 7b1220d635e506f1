"""A desk without a configuration has sources all the same: those that their providers put there."""

from __future__ import annotations

import pytest

from receiver.model.errors import ConfigurationError
from receiver.sandbox.built_in import built_in, keep_made_up_at_home, made_up, with_made_up
from receiver.service.config.settings import build
from receiver.service.config.sources import resolve_sources


def test_the_made_up_sources_are_ready_to_verify() -> None:
    """In the order of the registry, with secrets that are worth nothing."""
    settings = built_in(1234, 1235)
    assert (settings.server.port, settings.admin.port, settings.kafka) == (1234, 1235, None)
    assert list(resolve_sources(settings, made_up())) == ["0xpay-main", "swaps"]
    assert all(value.startswith("made-up-") for value in made_up().values())


def test_a_variable_that_is_there_is_not_replaced() -> None:
    """Whoever has a secret of that name means it."""
    name = next(iter(made_up()))
    assert with_made_up({name: "mine", "OTHER": "x"}) == {**made_up(), name: "mine", "OTHER": "x"}


@pytest.mark.parametrize("key", ["server", "admin"])
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "desk.shop.test"])  # noqa: S104
def test_made_up_secrets_stay_on_this_machine(key: str, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both listeners; whoever reaches them has read the secrets."""
    monkeypatch.setenv(f"RECEIVER_{key.upper()}__HOST", host)
    with pytest.raises(ConfigurationError, match=rf"^{key}\.host: {host} is not loopback, and the secret behind env:"):
        keep_made_up_at_home(built_in(1234, 1235), made_up())


def test_it_is_the_secret_that_counts_and_not_where_it_is_configured() -> None:
    """One of a file that has the value of a made-up one is as worthless; a person's own may go anywhere."""
    sources = [{"name": "s", "provider": "onchainpay", "keys": [{"public": "env:A", "secret": "env:B"}]}]
    settings = build({"server": {"host": "0.0.0.0"}, "sources": sources}, "receiver.toml")  # noqa: S104
    for value in made_up().values():
        with pytest.raises(ConfigurationError, match="env:B is made up"):
            keep_made_up_at_home(settings, {"A": "a", "B": value})
    keep_made_up_at_home(settings, {"A": "a", "B": "their own"})
    keep_made_up_at_home(settings, {})
    for host in ("127.0.0.1", "::1", "localhost"):
        keep_made_up_at_home(build({"server": {"host": host}, "sources": sources}, "x"), {"A": "a", "B": value})
