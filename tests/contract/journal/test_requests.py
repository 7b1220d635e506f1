"""One suite over the fake requests store and the real one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from receiver.journal.memory.requests import MemoryRequests
from receiver.journal.sqlite.journal import open_journal
from receiver.journal.sqlite.requests import SqliteRequests
from receiver.model.records import Request


@pytest.fixture(params=["fake", "sqlite"])
def requests(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MemoryRequests | SqliteRequests]:
    """An empty store of each make."""
    if request.param == "fake":
        yield MemoryRequests()
        return
    open_journal(tmp_path / "journal")
    store = SqliteRequests.open(tmp_path / "journal")
    yield store
    store.close()


def test_requests_are_read_in_the_order_they_were_made(requests: MemoryRequests | SqliteRequests) -> None:
    """Numbers begin after 0 and never repeat; the payload comes back as it was."""
    assert list(requests.read(0, 10)) == []
    payloads: list[dict[str, Any]] = [{"callbacks": [1, 2]}, {"text": "é"}, {}]
    assert [requests.add("redrive", 5, payload) for payload in payloads] == [1, 2, 3]
    assert list(requests.read(0, 10)) == [Request(n, "redrive", 5, p) for n, p in enumerate(payloads, start=1)]
    assert [request.number for request in requests.read(1, 1)] == [2]
    assert requests.last_number() == 3
