"""What is logged and counted of a batch: kept with it as data, and told once the batch is committed, never before.

So a batch that the disk refuses leaves no line in the log and no count, and its repetition tells everything once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from receiver.interpret.metrics import InterpretMetrics
from receiver.model.callback import JournalEntry
from receiver.model.frozen import dataclass
from receiver.model.log import Log

Level = Literal["info", "warning", "error"]
"""The method of the log that takes it."""


@dataclass(frozen=True, slots=True)
class Noted:
    """One line of the log, and what is counted with it."""

    level: Level
    event: str
    fields: Mapping[str, object]
    source: str = ""
    """Of the callback, for the counts; empty where none is counted."""
    outcome: str | None = None
    """``event``, ``duplicate`` or ``quarantine``: what became of the callback; None where that is not counted."""
    anomalies: Iterable[str] = ()
    """Of the callback's event."""


def number_field(entry: JournalEntry) -> str:
    """The name of the field that holds an entry's number: by it all log lines of one entry can be found."""
    return "callback" if entry.store == "inbox" else "request"


REPEATS_TOLD_MAX = 3
"""Of one batch, in lines of their own; the last one says how many more there were. A replay can bring any number."""
REPEATED = "event.repeated"


def tell(noted: Iterable[Noted], log: Log, metrics: InterpretMetrics) -> None:
    """Count and log what was noted, in its order; to be called after the commit."""
    repeats = 0
    for note in noted:
        if note.outcome is not None:
            metrics.interpreted(note.source, note.outcome)
            for anomaly in note.anomalies:
                metrics.anomaly(note.source, anomaly)
            if note.outcome == "quarantine":
                metrics.quarantined(note.source, str(note.fields["reason"]))
        repeats += note.event == REPEATED
        if note.event != REPEATED or repeats <= REPEATS_TOLD_MAX:
            getattr(log, note.level)(note.event, **note.fields)
    if repeats > REPEATS_TOLD_MAX:
        log.info(REPEATED, suppressed=repeats - REPEATS_TOLD_MAX)
