"""Each state of a connection ends, and only progress moves its end."""

from __future__ import annotations

import pytest

from receiver.intake.deadlines import CLOSING_S, IDLE, Deadlines
from receiver.intake.limits import Limits
from receiver.intake.notices import REFUSED, STATES

LIMITS = Limits(keep_alive_s=5, arrival_s=20, body_bytes_per_s_min=1000, answer_s=60, write_s=10)


@pytest.mark.parametrize(
    ("state", "answered", "until_s", "why"),
    [
        ("idle", False, 20, "silent"),
        ("idle", True, 5, IDLE),
        ("arriving", False, 20, "slow"),
        ("arriving", True, 20, "slow"),
        ("answering", True, 60, "unanswered"),
    ],
)
def test_each_state_has_its_end(state: str, answered: bool, until_s: float, why: str) -> None:  # noqa: FBT001
    """Not before, and not never."""
    deadlines = Deadlines(LIMITS, 100.0)
    assert deadlines.overdue(100 + until_s, state, body_bytes=0, answered=answered) is None
    assert deadlines.overdue(100.1 + until_s, state, body_bytes=0, answered=answered) == why
    assert why in REFUSED or why == IDLE
    assert state in STATES


def test_a_body_earns_time_with_its_bytes_and_with_nothing_else() -> None:
    """A slow one that keeps its pace may go on; one byte a second may not."""
    deadlines = Deadlines(LIMITS, 0.0)
    assert deadlines.overdue(60.0, "arriving", body_bytes=40_000, answered=False) is None
    assert deadlines.overdue(60.1, "arriving", body_bytes=40_000, answered=False) == "slow"
    assert deadlines.overdue(21.0, "arriving", body_bytes=21, answered=False) == "slow"


def test_an_answer_is_waited_for_from_when_it_was_first_seen_to_wait() -> None:
    """And anew after it was read."""
    deadlines = Deadlines(LIMITS, 0.0)
    assert deadlines.overdue(50.0, "writing", body_bytes=0, answered=True) is None
    assert deadlines.overdue(60.0, "writing", body_bytes=0, answered=True) is None
    assert deadlines.overdue(60.1, "writing", body_bytes=0, answered=True) == "unread"
    deadlines.since_s = 60.0
    assert deadlines.overdue(61.0, "idle", body_bytes=0, answered=True) is None
    assert deadlines.overdue(62.0, "writing", body_bytes=0, answered=True) is None


def test_what_was_closed_is_gone_after_a_while() -> None:
    """Whatever it was still to be told."""
    deadlines = Deadlines(LIMITS, 0.0)
    assert deadlines.overdue(500.0, "closing", body_bytes=0, answered=True) is None
    assert not deadlines.closing_too_long(500.0)
    assert not deadlines.closing_too_long(500.0 + CLOSING_S)
    assert deadlines.closing_too_long(500.1 + CLOSING_S)
