"""Values of the hot path: frozen for the type checker, which is strict, and as cheap as any object when they are made.

A frozen dataclass sets each field through ``object.__setattr__``: measured, an eighth of what interpreting a callback
cost. ``from receiver.model.frozen import dataclass`` says which values these are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414  exported
else:

    def dataclass(*, frozen: bool, slots: bool) -> Callable[[type[Any]], type[Any]]:
        """Make a plain class with slots, equality and hash."""
        return partial(dataclasses.dataclass, slots=slots, unsafe_hash=frozen)
