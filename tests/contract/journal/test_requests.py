"""The requests of each engine: what did not come by webhook, in order, from several processes."""

from __future__ import annotations

from typing import Any

import pytest

from receiver.journal.ports import Requests
from receiver.model.callback import Resource
from receiver.model.records import Request
from tests.contract.journal.conftest import Made


def test_requests_are_read_in_the_order_they_were_made(requests: Requests) -> None:
    """Numbers begin after 0 and never repeat; the payload comes back as it was."""
    assert list(requests.read(0, 10)) == []
    assert requests.last_number() == 0
    payloads: list[dict[str, Any]] = [{"callbacks": [1, 2]}, {"text": "é"}, {}]
    assert [requests.add("redrive", 5, payload) for payload in payloads] == [1, 2, 3]
    assert list(requests.read(0, 10)) == [Request(n, "redrive", 5, p) for n, p in enumerate(payloads, start=1)]
    assert [request.number for request in requests.read(1, 1)] == [2]
    assert requests.last_number() == 3


def test_a_payload_comes_back_as_json_does(requests: Requests) -> None:
    """Whatever made it: a reader in another process has no other way to get it."""
    requests.add("redrive", 5, {"callbacks": (1, 2)})
    assert requests.read(0, 1)[0].payload == {"callbacks": [1, 2]}
    with pytest.raises(TypeError):
        requests.add("redrive", 5, {"callbacks": {1, 2}})


def test_several_processes_write_and_each_reads_all(made: Made, requests: Requests) -> None:
    """Nobody's number is another's."""
    other = made.another().requests(write=True)
    numbers = [store.add("close", at, {}) for at, store in enumerate([requests, other] * 5)]
    assert sorted(set(numbers)) == numbers
    assert list(requests.read(0, 100)) == list(other.read(0, 100))
    assert [request.made_at_us for request in other.read(0, 100)] == list(range(10))
    other.close()


def test_a_number_is_not_given_again_after_its_request_was_purged(made: Made, requests: Requests) -> None:
    """Only answers are ever purged, by who keeps the watch list."""
    watch = made.journal.watchlist()
    watch.answered("swaps", Resource("a", b"{}", b"1", terminal=False), now_us=1, due_us=2, after=0)
    redrive = requests.add("redrive", 5, {})
    watch.answered("swaps", Resource("a", b"{}", b"2", terminal=False), now_us=3, due_us=4, after=0)
    last = requests.last_number()
    watch.purge_answers([redrive - 1, redrive, last])
    assert [request.number for request in requests.read(0, 10)] == [redrive]
    assert requests.last_number() == last
    assert requests.add("redrive", 6, {}) > last
    watch.close()
