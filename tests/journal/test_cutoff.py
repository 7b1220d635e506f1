"""When a clock may be believed; what goes by it is tested with stores, in ``tests/contract/journal``."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.journal.cutoff import LEAP_US, Cutoff, Leap, cutoff_us
from receiver.journal.memory.inbox import MemoryInbox
from receiver.journal.memory.requests import MemoryRequests
from receiver.model.callback import JournalEntry, VerifiedCallback
from receiver.model.times import DAY_US


class CountingInbox(MemoryInbox):
    """An inbox with callbacks of chosen numbers, received on chosen days; counts how often it is asked for one."""

    def __init__(self, *days: float, numbers: Sequence[int] = ()) -> None:
        super().__init__()
        self.asked = 0
        for number, day in zip(numbers or itertools.count(1), days, strict=False):
            self.add(number, day)

    def add(self, number: int, day: float) -> None:
        """A callback comes."""
        self.entries.append(JournalEntry(number, VerifiedCallback("s", int(day * DAY_US), (), b"")))
        self._last = number

    def ages(self, after: int, limit: int) -> Sequence[tuple[int, int]]:
        """Counted."""
        self.asked += 1
        return super().ages(after, limit)


def day_before(inbox: MemoryInbox, now: float, days: int) -> float | None:
    """The day before which callbacks may go."""
    before_us = Cutoff(inbox).before_us(int(now * DAY_US), days)
    return None if before_us is None else before_us / DAY_US


@pytest.mark.parametrize(("newest", "before"), [(93, 90), (92.9, None), (107, 90), (107.1, None)])
def test_far_from_the_newest_callback_the_clock_proves_nothing(newest: float, before: float | None) -> None:
    """Either way; a week is near enough."""
    assert day_before(CountingInbox(newest), 100, 10) == before


def test_an_empty_inbox_and_one_that_is_kept_for_ever_have_nothing_to_purge() -> None:
    """Whatever the clock says."""
    assert day_before(CountingInbox(), 100, 10) is None
    assert day_before(CountingInbox(100), 100, 0) is None


@pytest.mark.parametrize(("now_days", "days", "text"), [(100, 10, "1970-04-01T00:00:00.000000Z"), (5, 10, None)])
def test_the_cutoff_as_records_hold_it(now_days: int, days: int, text: str | None) -> None:
    """None also where it would be before the first time that there is."""
    assert Cutoff(CountingInbox(now_days)).before_text(now_days * DAY_US, days) == text
    assert Cutoff(CountingInbox(now_days)).before_text(now_days * DAY_US, 0) is None


def test_callbacks_that_come_while_the_clock_is_a_year_ahead_make_the_others_a_week_older_and_no_more() -> None:
    """Of sixty days, one callback each, those go that are older than thirty less a week; the year is not believed."""
    inbox = CountingInbox(*range(60))
    cutoff = Cutoff(inbox)
    assert cutoff.before_us(60 * DAY_US, 30) == 30 * DAY_US
    inbox.add(61, 60 + 365)
    assert cutoff.before_us((60 + 365) * DAY_US, 30) == (59 - (30 - 7)) * DAY_US
    assert day_before(inbox, 60 + 365, 30) == 59 - (30 - 7), "and after a restart"
    for day in range(61, 80):
        inbox.add(day + 1, day + 365)
    assert cutoff.before_us((79 + 365) * DAY_US, 30) == (59 - (30 - 7 - 19)) * DAY_US


def test_a_clock_that_was_set_back_goes_on_as_if_nothing_had_been() -> None:
    """What was stamped with the wrong year stays until that year, and keeps nothing else."""
    inbox = CountingInbox(*range(60), 425, 426, *range(61, 100))
    assert day_before(inbox, 99.5, 30) == 69.5


def test_answers_of_apis_stand_for_callbacks_where_there_are_none() -> None:
    """And where there are none any more; the store with the newer entry counts, of those that agree with the clock."""
    requests = MemoryRequests()
    for day in range(61):
        requests.add("poll", day * DAY_US, {})
    for inbox in (CountingInbox(), CountingInbox(1, 2, 3)):
        assert Cutoff(inbox, requests).before_us(60 * DAY_US, 30) == 30 * DAY_US
        assert Cutoff(inbox).before_us(60 * DAY_US, 30) is None
    requests.add("poll", 425 * DAY_US, {})
    assert Cutoff(CountingInbox(), requests).before_us(425 * DAY_US, 30) == (60 - (30 - 7)) * DAY_US
    assert Cutoff(CountingInbox(*range(61)), requests).before_us(60 * DAY_US, 30) == 30 * DAY_US
    assert Cutoff(CountingInbox(), requests).before_us(60 * DAY_US, 30) is None


def test_silence_counts_for_a_week() -> None:
    """Of a month's silence three weeks do not count, since a clock that leaps looks the same."""
    assert day_before(CountingInbox(*range(10), 40, 41), 42, 30) == 9 - (30 - 2 - 7)
    assert cutoff_us(42 * DAY_US, [Leap(9 * DAY_US, 40 * DAY_US)], 5) == 37 * DAY_US


@given(
    gaps=st.lists(st.tuples(st.integers(1, 5), st.sampled_from([0.1, 6.9, 7, 7.1, 30, 400])), max_size=40),
    purged_end=st.integers(0, 50),
)
def test_every_leap_is_found(gaps: list[tuple[int, float]], purged_end: int) -> None:
    """Whatever numbers are missing between and at the end; against a walk over all of them."""
    numbers = list(itertools.accumulate((gap for gap, _ in gaps), initial=1))
    days = list(itertools.accumulate((day for _, day in gaps), initial=1.0))
    inbox = CountingInbox(*days, numbers=numbers)
    inbox._last += purged_end
    at_us = [entry.callback.received_at_us for entry in inbox.entries]
    leaps = [Leap(a, b) for a, b in itertools.pairwise(at_us) if b - a > LEAP_US]
    for keep in (1, 7, 30, 365):
        assert Cutoff(inbox).before_us(at_us[-1], keep) == cutoff_us(at_us[-1], leaps, keep)


class LongInbox(CountingInbox):
    """A hundred thousand callbacks, ninety days of them, which are worked out when they are asked for."""

    COUNT, STEP_US = 100_000, 77_760_000

    def last_number(self) -> int:
        """The last of them."""
        return self.COUNT

    def ages(self, after: int, limit: int) -> Sequence[tuple[int, int]]:
        """Counted."""
        self.asked += 1
        return [(number, number * self.STEP_US) for number in range(after + 1, after + 1 + limit)]


def test_it_looks_at_few_callbacks_and_at_none_twice() -> None:
    """At some of a hundred thousand, and then only at what came since."""
    inbox = LongInbox()
    cutoff = Cutoff(inbox)
    assert cutoff.before_us(90 * DAY_US, 30) == 60 * DAY_US
    assert inbox.asked < 50
    inbox.asked = 0
    assert cutoff.before_us(90 * DAY_US, 30) == 60 * DAY_US
    assert inbox.asked == 2
