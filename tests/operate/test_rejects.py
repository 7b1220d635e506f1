"""The sample of refused callbacks: listed, found, and explained."""

from __future__ import annotations

import pytest

from receiver.model.callback import RawCallback
from receiver.model.errors import ReceiverError
from receiver.operate.rejects import explain_reject, find_reject, rejects
from receiver.providers.zeroxpay import callbacks as zeroxpay
from tests.operate.desk import context_of, exchange
from tests.support import NOW_S, PUBLIC_URL, Way, oxpay_source

BODY = exchange("one")


def refused(way: Way, *, secret: bytes = b"old", source: str = "0xpay-main") -> None:
    """Keep one that was signed with another secret."""
    headers = zeroxpay.PROVIDER.sign(BODY, oxpay_source(secrets=(secret,)), NOW_S)
    way.journal.rejects(write=True).add(RawCallback(source, NOW_S * 1_000_000, headers, BODY), "signature", 10)


def test_the_newest_come_first() -> None:
    """At most as many as are asked for."""
    way = Way()
    for _ in range(3):
        refused(way)
    assert [reject.number for reject in rejects(context_of(way), 2)] == [3, 2]


def test_one_that_was_forgotten_is_an_error() -> None:
    """As is one of a source that is gone."""
    way = Way()
    refused(way, source="gone")
    context = context_of(way)
    with pytest.raises(ReceiverError, match="reject 9 is not in the sample"):
        find_reject(context, 9)
    with pytest.raises(ReceiverError, match="the source gone is not configured any more"):
        find_reject(context, 1)


def test_the_reading_that_would_have_matched_is_named() -> None:
    """Here a secret that is live no more."""
    way = Way()
    refused(way)
    context = context_of(way)
    reject = find_reject(context, 1)
    assert any(
        "it matches a retired secret (retired_secrets.0)" in line
        for line in explain_reject(context, reject, public_url=PUBLIC_URL, retired=(b"old",))
    )
    unknown = explain_reject(context, reject, public_url=PUBLIC_URL, retired=())
    assert "no other reading matches" in unknown[-1]
