"""This machine is told from every other, by what stands in the URL alone."""

from __future__ import annotations

import pytest

from receiver.model.hosts import is_loopback, parts_of


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


@pytest.mark.parametrize("url", ["http://[", "https://[]/a", "http://[::1", "http://a:99999", "http://a:b/"])
def test_what_is_no_url_has_no_parts(url: str) -> None:
    """It may come from anybody, and the standard library raises for it."""
    assert parts_of(url) is None


def test_a_url_has_its_parts() -> None:
    """Whatever it names."""
    parts = parts_of("https://[::1]:8443/webhooks/a?b")
    assert parts is not None
    assert (parts.scheme, parts.hostname, parts.port, parts.path) == ("https", "::1", 8443, "/webhooks/a")
    assert parts_of("") is not None
