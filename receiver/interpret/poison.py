"""Which callback kills the process that interprets it: found step by step, and condemned after three deaths. Pure.

A crash in native code takes the whole process, and the same batch would take the next process too; so does a callback
whose work has no end (``watchdog``). So the interpret process marks the batch that it is about to interpret. After a
death that points at the batch (``points_at_the_batch``), the callbacks of that batch are interpreted one by one. A
callback that was alone in its batch at three such deaths is condemned: it is quarantined without another look. SIGKILL
and SIGTERM never count: they are somebody's decision, or the machine's, and no callback's fault.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from receiver.interpret.watchdog import EXPIRED

DEATHS_MAX = 3
"""Of the process, while a callback was alone in its batch: one may be the machine's fault, three are its own."""
KEPT_MAX = 100
"""Callbacks whose deaths are remembered: more than the deaths after which the supervisor gives up."""
MEMORY_EXIT = 71
"""The exit code of an interpret process that ran out of memory while it was interpreting."""
CRASHES = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, EXPIRED})
"""Signals that a process gets for what it does itself."""


@dataclass(frozen=True, slots=True)
class Suspects:
    """What earlier deaths of the process taught."""

    one_by_one_to: int = 0
    """Up to this inbox number callbacks are interpreted alone."""
    deaths: Mapping[int, int] = field(default_factory=dict)
    """Inbox number → deaths while it was alone."""

    @property
    def condemned(self) -> frozenset[int]:
        """The inbox numbers of those that are not interpreted any more."""
        return frozenset(number for number, deaths in self.deaths.items() if deaths >= DEATHS_MAX)


NOBODY = Suspects()


def points_at_the_batch(exit_code: int) -> bool:
    """Whether a process that ended so may have been killed by what it was interpreting.

    ``exit_code`` is the process's own, or minus the number of the signal that ended it.
    """
    return exit_code == MEMORY_EXIT or (exit_code < 0 and -exit_code in {int(crash) for crash in CRASHES})


def after_death(suspects: Suspects, first: int, last: int) -> Suspects:
    """Give what is known after a death that points at the batch of the callbacks ``first`` to ``last``.

    They are inbox numbers; 0 for ``first`` says that nothing was being interpreted.
    """
    if first == 0:
        return suspects
    if first < last:
        return replace(suspects, one_by_one_to=max(last, suspects.one_by_one_to))
    deaths = {**suspects.deaths, first: suspects.deaths.get(first, 0) + 1}
    kept = dict(sorted(deaths.items())[-KEPT_MAX:])
    return replace(suspects, deaths=kept)


def to_document(suspects: Suspects) -> dict[str, Any]:
    """As JSON can hold it."""
    return {"one_by_one_to": suspects.one_by_one_to, "deaths": {str(n): count for n, count in suspects.deaths.items()}}


def from_document(document: object) -> Suspects:
    """Read what ``to_document`` gave; a document of any other shape teaches nothing, and raises nothing."""
    if not isinstance(document, Mapping):
        return NOBODY
    try:
        deaths = {int(number): int(count) for number, count in document["deaths"].items()}
        return Suspects(int(document["one_by_one_to"]), deaths)
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError):
        return NOBODY
