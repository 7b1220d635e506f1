"""Kafka, as we need it: whoever only decides or waits does not load the client that speaks to it."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["ports", "position", "refused", "relay", "relay_state", "routing"])
def test_the_client_is_loaded_only_by_what_speaks_to_a_broker(module: str) -> None:
    """The client is a tenth of a second and some megabytes, in every process that imports it."""
    program = f"import sys, receiver.publish.{module}; sys.exit('aiokafka' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
