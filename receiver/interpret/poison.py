"""Which callback kills the process that interprets it: narrowed down, condemned only after three deaths alone. Pure.

A crash in native code takes the whole process, and the same batch would take the next one too. So the interpret process
marks the batch that it is about to interpret; after a death that points at the batch (``points_at_the_batch``) its
callbacks are interpreted one by one; and the one that was alone at three such deaths is quarantined without another
look. SIGKILL and SIGTERM never count: they are somebody's decision, or the machine's, and no callback's fault.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

DEATHS_MAX = 3
"""Alone in its batch; one could be the machine's fault, three are the callback's."""
KEPT_MAX = 100
"""Callbacks remembered: more than the supervisor allows deaths."""
MEMORY_EXIT = 71
"""The exit code of an interpret process that ran out of memory while it was interpreting."""
CRASHES = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL})


@dataclass(frozen=True, slots=True)
class Suspects:
    """What earlier deaths taught."""

    one_by_one_to: int = 0
    """Up to this inbox number callbacks are interpreted alone."""
    deaths: Mapping[int, int] = field(default_factory=dict)
    """Inbox number → deaths while it was alone."""

    @property
    def condemned(self) -> frozenset[int]:
        """Those that are not interpreted any more."""
        return frozenset(number for number, deaths in self.deaths.items() if deaths >= DEATHS_MAX)


NOBODY = Suspects()


def points_at_the_batch(exit_code: int) -> bool:
    """Whether a process that ended so may have been killed by what it was interpreting; negative: by that signal."""
    return exit_code == MEMORY_EXIT or (exit_code < 0 and -exit_code in {int(crash) for crash in CRASHES})


def after_death(suspects: Suspects, first: int, last: int) -> Suspects:
    """Give what is known after a death while callbacks ``first`` to ``last`` were being interpreted; 0: none were."""
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


def from_document(document: Mapping[str, Any]) -> Suspects:
    """Read what ``to_document`` wrote; a document that cannot be read teaches nothing."""
    try:
        deaths = {int(number): int(count) for number, count in document["deaths"].items()}
        return Suspects(int(document["one_by_one_to"]), deaths)
    except (KeyError, TypeError, ValueError, AttributeError):
        return NOBODY
