"""Journals in the PostgreSQL that the tests of a worker share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from receiver.journal.postgres.address import Address
from tests.postgres_cluster import new_journal


@pytest.fixture
def address() -> Iterator[Address]:
    """Of a new journal with one slot."""
    with new_journal() as (url, options):
        yield Address.of(url, options)
