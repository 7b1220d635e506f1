"""Whether the events of each operation are numbered without a gap, in outbox order; what every engine's check asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import orjson

from receiver.model.errors import StoreFailed

FAULTS_MAX = 20
"""Of one sort that are named one by one."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """One record as the check needs it."""

    number: int
    record_type: str
    key: tuple[str, ...]
    """(provider, account, kind, operation id); of a quarantine record the last may be empty."""
    value: Callable[[], bytes]
    """Opens it where it is sealed; raises ``StoreFailed`` where it does not open."""


def gaps(records: Iterable[Numbered], *, purged: bool) -> Iterator[str]:
    """A sentence for each gap, and for each record that does not open; ``purged`` says that older ones have gone.

    What a refused record's quarantine names as missed is no gap, published or withheld.
    """
    last: dict[tuple[str, ...], int] = {}
    named = 0
    for one in records:
        try:
            said = orjson.loads(one.value())
        except StoreFailed as error:
            yield str(error)
            continue
        if one.record_type in {"quarantine", "withheld"}:
            if said["reason"] == "too_large_for_broker" and one.key[-1]:
                last[one.key] = last.get(one.key, 0) + 1
            continue
        before = last.get(one.key)
        wrong = said["sequence"] != (before or 0) + 1 and not (before is None and purged)
        last[one.key] = said["sequence"]
        if wrong and named < FAULTS_MAX:
            named += 1
            yield f"record {one.number}: {':'.join(one.key)} goes from sequence {before or 0} to {said['sequence']}"
