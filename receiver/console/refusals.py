"""Callbacks that were refused, by the minute: learnt from the service's counters, since no journal has them.

The console looks at the counters now and then, as a monitoring system does, and what was added between two looks counts
for the minute of the second. What was refused before the console began is not known, and it says since when it looks.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MINUTE_US = 60_000_000
MINUTES = 60
LOOK_S = 10.0
"""Between two looks: a minute has several, so that little counts for the minute after."""
KINDS_MAX = 500
"""Pairs of a source and an answer that are kept; a service has a dozen."""
METRIC = "receiver_callbacks_total"
TAKEN = "200"


@dataclass(frozen=True, slots=True)
class Refused:
    """What was refused of one source with one answer."""

    source: str
    answer: str
    """The HTTP status."""
    points: Sequence[int]
    """A number for each minute, the oldest first."""


class Refusals:
    """Remembers the last hour. ``note`` and ``lines`` may be called by different threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._before: Mapping[tuple[str, str], int] | None = None
        self._minutes: defaultdict[tuple[str, str], Counter[int]] = defaultdict(Counter)
        self.since_us: int | None = None
        """When it first looked, Unix microseconds; None where it has not."""

    def note(self, figures: Mapping[tuple[str, str], float], now_us: int) -> None:
        """Take what ``/metrics`` says now: (metric, label values joined by commas) → value."""
        counted = {
            (source, answer): int(value)
            for (metric, labels), value in figures.items()
            for answer, _, source in [labels.partition(",")]
            if metric == METRIC and answer != TAKEN
        }
        with self._lock:
            if self._before is None:
                self.since_us = now_us
            else:
                self._add(counted, self._before, now_us // MINUTE_US)
            self._before = counted

    def _add(self, counted: Mapping[tuple[str, str], int], before: Mapping[tuple[str, str], int], minute: int) -> None:
        for kind, value in counted.items():
            was = before.get(kind, 0)
            more = value - was if value >= was else value  # a counter begins anew with its process
            if more and (kind in self._minutes or len(self._minutes) < KINDS_MAX):
                self._minutes[kind][minute] += more
        for kind, minutes in list(self._minutes.items()):
            for old in [one for one in minutes if one <= minute - MINUTES]:
                del minutes[old]
            if not minutes:
                del self._minutes[kind]

    def lines(self, first_us: int) -> list[Refused]:
        """By source and answer, for the ``MINUTES`` that begin with ``first_us``; those alone that had any."""
        first = first_us // MINUTE_US
        with self._lock:
            found = [
                Refused(source, answer, [minutes[first + place] for place in range(MINUTES)])
                for (source, answer), minutes in sorted(self._minutes.items())
            ]
        return [one for one in found if any(one.points)]
