"""How many slots a worker holds: an even part of all, so that none is idle while another has two. Pure."""

from __future__ import annotations

from typing import Literal

Wish = Literal["take", "give", "keep"]


def fair_share(slots: int, workers: int) -> int:
    """The most that one of ``workers`` holds: rounded up, so that together they can hold all. Nobody counts for one."""
    return -(-slots // max(1, workers))


def wish(held: int, slots: int, workers: int) -> Wish:
    """What a worker that holds ``held`` of ``slots`` does next: one slot at a time, so that shares settle."""
    share = fair_share(slots, workers)
    if held > share:
        return "give"
    return "take" if held < share else "keep"
