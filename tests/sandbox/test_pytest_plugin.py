"""The fixture for the tests of others: pytest finds it where this package is installed."""

from __future__ import annotations

from receiver.sandbox.samples import Callbacks


def test_the_fixture_is_there_without_an_import(receiver_callbacks: Callbacks) -> None:
    """Through the entry point alone."""
    assert isinstance(receiver_callbacks, Callbacks)
