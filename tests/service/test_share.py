"""Slots are shared evenly, whoever comes and goes, and no slot is left over."""

from __future__ import annotations

import pytest

from receiver.service.share import fair_share, wish


@pytest.mark.parametrize(
    ("slots", "workers", "share"), [(1, 1, 1), (2, 1, 2), (2, 2, 1), (3, 2, 2), (1, 3, 1), (5, 2, 3), (4, 0, 4)]
)
def test_a_share_is_even_and_rounded_up(slots: int, workers: int, share: int) -> None:
    """A worker that nobody has counted yet counts for one."""
    assert fair_share(slots, workers) == share


@pytest.mark.parametrize("slots", range(1, 9))
@pytest.mark.parametrize("workers", range(1, 6))
def test_it_settles_with_every_slot_in_somebodys_hands(slots: int, workers: int) -> None:
    """Whoever had all of them at first gives up what others want, and then nobody moves."""
    held = [slots] + [0] * (workers - 1)
    free = 0
    for _ in range(slots * workers + 1):
        for number in range(workers):
            wanted = wish(held[number], slots, workers)
            if wanted == "give":
                held[number] -= 1
                free += 1
            elif wanted == "take" and free:
                held[number] += 1
                free -= 1
    assert free == 0
    assert sum(held) == slots
    assert max(held) <= fair_share(slots, workers)
