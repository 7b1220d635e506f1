"""What a person asks of reconcile: watch an operation, and what is open for how long."""

from __future__ import annotations

import pytest

from receiver.journal.watchlist import NEVER_US
from receiver.model.errors import ReceiverError
from receiver.operate.watchlist import check_operation_id, listed, track
from tests.operate.desk import SWAPS, context_of
from tests.support import Way


def test_only_an_id_that_its_provider_could_have_given_is_watched() -> None:
    """And only of a provider that can be asked."""
    context = context_of(Way())
    check_operation_id(context, "swaps", SWAPS["PENDING"]["id"])
    for source, operation in (("swaps", "two words"), ("swaps", ""), ("0xpay-main", SWAPS["PENDING"]["id"])):
        with pytest.raises(ReceiverError, match=f"is no id of an operation of {source}"):
            check_operation_id(context, source, operation)


def test_what_is_watched_is_asked_for_at_once_and_listed() -> None:
    """With how long it is open, and when it is asked for next."""
    way = Way()
    context = context_of(way)
    track(context, "swaps", "one")
    way.clock.advance(60.4)
    assert way.journal.watchlist().due("swaps", way.clock.us, 10)
    assert listed(context, {"swaps": 61.0}, overdue=False) == [
        {
            "source": "swaps", "operation": "one", "state": "open", "open_s": 60, "overdue": False,
            "last_answer": None, "next": "2024-05-27T08:55:30.000000Z", "failures": 0, "why": "",
        }
    ]  # fmt: skip


def test_overdue_are_those_open_for_longer_than_their_source_allows() -> None:
    """One that is given up is open no more; a source without a limit is never overdue."""
    way = Way()
    context, watch = context_of(way), way.journal.watchlist()
    for source, operation in (("swaps", "old"), ("swaps", "unknown"), ("other", "old")):
        track(context, source, operation)
    way.clock.advance(50)
    track(context, "swaps", "young")
    way.clock.advance(50)
    unknown = next(one for one in watch.listed(10) if one.operation_id == "unknown")
    watch.failed(unknown, "not_found", NEVER_US, give_up=True)
    rows = listed(context, {"swaps": 60.0}, overdue=True)
    assert [(row["source"], row["operation"]) for row in rows] == [("swaps", "old")]
    by_name = {(row["source"], row["operation"]): row for row in listed(context, {"swaps": 60.0}, overdue=False)}
    assert len(by_name) == 4
    given_up = by_name["swaps", "unknown"]
    assert (given_up["state"], given_up["next"], given_up["failures"], given_up["why"]) == (
        "given_up", None, 1, "not_found",
    )  # fmt: skip
