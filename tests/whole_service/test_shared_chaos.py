"""Each fault of the chaos of several services once, as ``python -m tests.chaos.shared --once --seed 7`` has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.postgres import programs, reachable_folder
from tests.chaos.shared import run

SEED, OPERATIONS_PER_S = 7, 4.0


@pytest.fixture
def folder() -> Iterator[Path]:
    """For all files of the run."""
    if programs() is None:
        pytest.skip("PostgreSQL 14 or newer is needed: on Debian the package postgresql")
    with reachable_folder() as made:
        yield made


@pytest.mark.kafka
@pytest.mark.long(seconds=110)
@pytest.mark.timeout(900)
async def test_each_fault_once_under_load(folder: Path) -> None:
    """Nothing that was answered 200 is lost, doubled or out of order, and each fault is mended without a hand."""
    assert await run(folder, None, SEED, OPERATIONS_PER_S, forks=True) == 0
