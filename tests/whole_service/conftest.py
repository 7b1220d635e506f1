"""Installations without a Kafka of their own; a module that needs one has its own ``service``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.service import Service
from tests.ports import free_port


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything beside this file: `make test-fast` leaves out what starts processes and waits for them."""
    beside = f"{Path(__file__).parent}{os.sep}"  # as text: paths are compared part by part, which takes a second in all
    for item in items:
        if str(item.path).startswith(beside):
            item.add_marker(pytest.mark.service)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """An installation without Kafka."""
    with Service(tmp_path / "service", forks=True) as made:
        yield made


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[Service]:
    """An installation with all processes, whose Kafka is not there."""
    with Service(tmp_path / "service", f"127.0.0.1:{free_port()}", forks=True) as made:
        yield made
