"""The fixture ``receiver_callbacks`` for the tests of those who consume our events or send to a receiver.

pytest finds it by itself where this package is installed; what it gives is ``receiver.sandbox.samples.Callbacks``. And
for those who add a provider: the checks of ``receiver.sandbox.conformance`` say what they compared.
"""

from __future__ import annotations

import pytest

from receiver.sandbox.samples import Callbacks


def pytest_configure() -> None:
    """Let pytest explain the assertions of the conformance suite as those of a test file."""
    pytest.register_assert_rewrite("receiver.sandbox.conformance")


@pytest.fixture
def receiver_callbacks() -> Callbacks:
    """Signed callbacks and status events, the same at every run."""
    return Callbacks()
