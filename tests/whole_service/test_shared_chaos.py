"""Each fault of the chaos of several services once: the same as ``make chaos ENGINE=postgres ARGS="--once --seed 7"``."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.chaos.postgres import programs
from tests.chaos.shared import run

SEED, OPERATIONS_PER_S = 7, 4.0


@pytest.mark.kafka
@pytest.mark.long(seconds=110)
@pytest.mark.timeout(600)
async def test_each_fault_once_under_load() -> None:
    """Nothing that was answered 200 is lost, doubled or out of order, and each fault is mended without a hand."""
    if programs() is None:
        pytest.skip("PostgreSQL 14 or newer is needed: on Debian the package postgresql")
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        Path(name).chmod(0o755)  # the database runs as somebody else
        assert await run(Path(name), None, SEED, OPERATIONS_PER_S) == 0
