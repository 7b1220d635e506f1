"""Refused callbacks by the minute, from counters that only grow, or begin anew."""

from __future__ import annotations

from receiver.console.refusals import KINDS_MAX, METRIC, MINUTE_US, MINUTES, Refusals, Refused

FIRST_US = 1_000 * MINUTE_US


def points(*at: tuple[int, int]) -> list[int]:
    """Numbers of minutes, the rest none."""
    made = [0] * MINUTES
    for minute, count in at:
        made[minute] = count
    return made


def test_what_was_added_between_two_looks_counts_for_the_minute_of_the_second() -> None:
    """What was refused before the first look is not known; what was taken is no refusal."""
    refusals = Refusals()
    assert Refusals().since_us is None
    for minute, refused in ((0, 7), (1, 9), (1, 10), (3, 10), (4, 15)):
        counted = {(METRIC, "401,swaps"): float(refused), (METRIC, "200,swaps"): 99.0 * minute, ("other", "401,x"): 1.0}
        refusals.note(counted, FIRST_US + minute * MINUTE_US)
    assert refusals.since_us == FIRST_US
    assert refusals.lines(FIRST_US) == [Refused("swaps", "401", points((1, 3), (4, 5)))]


def test_a_counter_that_begins_anew_counts_from_nothing() -> None:
    """Its process was started again; a pair that is new did so too."""
    refusals = Refusals()
    refusals.note({(METRIC, "401,swaps"): 7.0}, FIRST_US)
    refusals.note({(METRIC, "401,swaps"): 2.0, (METRIC, "503,a,b"): 4.0}, FIRST_US)
    assert refusals.lines(FIRST_US) == [Refused("a,b", "503", points((0, 4))), Refused("swaps", "401", points((0, 2)))]


def test_after_an_hour_it_is_forgotten() -> None:
    """Nothing grows with time, nor with what strangers name."""
    refusals = Refusals()
    refusals.note({}, FIRST_US)
    refusals.note({(METRIC, "401,swaps"): 1.0}, FIRST_US)
    refusals.note({(METRIC, "401,swaps"): 1.0}, FIRST_US + MINUTES * MINUTE_US)
    assert refusals.lines(FIRST_US) == []
    assert len(refusals._minutes) == 0
    refusals.note({(METRIC, f"401,{number}"): 1.0 for number in range(KINDS_MAX + 9)}, FIRST_US)
    assert len(refusals._minutes) == KINDS_MAX
