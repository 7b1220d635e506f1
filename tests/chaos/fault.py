"""What a fault is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.chaos.world import World


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to break something, undone before it returns."""

    name: str
    run: Callable[[World], Awaitable[None]]
    weight: int = 1
    needs_knobs: bool = False
