"""The fixture ``receiver_callbacks`` for the tests of those who consume our events or send to a receiver.

pytest finds it by itself where this package is installed; what it gives is ``receiver.sandbox.samples.Callbacks``.
"""

from __future__ import annotations

import pytest

from receiver.sandbox.samples import Callbacks


@pytest.fixture
def receiver_callbacks() -> Callbacks:
    """Signed callbacks and status events, the same at every run."""
    return Callbacks()
