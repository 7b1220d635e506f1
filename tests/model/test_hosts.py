"""This machine is told from every other, by what stands in the URL alone."""

from __future__ import annotations

import pytest

from receiver.model.hosts import is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_this_machine(host: str) -> None:
    """Each address of the loopback network, and the one name that always means it."""
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["10.0.0.1", "0.0.0.0", "127.0.0.1.example.com", "localhost.example.com", "::", ""],  # noqa: S104
)
def test_another_machine(host: str) -> None:
    """A name is not looked up, whatever it may point at."""
    assert not is_loopback(host)
