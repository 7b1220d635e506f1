"""An outbox record as one line for people."""

from __future__ import annotations

from typing import Any

import orjson
from rich.text import Text

from receiver.model.records import OutboxRecord

STYLES = {"completed": "green", "verified": "green", "failed": "red", "rejected": "red", "expired": "red"}

SIMULATED = " simulated"


def day_of(record: OutboxRecord) -> str:
    """The day of its receipt, UTC, as 2026-11-26."""
    return record.received_at[:10]


def event_line(record: OutboxRecord, day: str | None = None) -> Text:
    """Time, source, status, place, money, and what is unusual; the date too, where it is not of ``day``."""
    said: dict[str, Any] = orjson.loads(record.value)
    clock = record.received_at[11:19]
    if day is not None and day != day_of(record):
        clock = f"{day_of(record)} {clock}"
    if record.record_type == "quarantine":
        line = Text(f"{clock} {record.source:12} quarantined  {said['reason']} {said['detail']}", "yellow")
        return line.append(SIMULATED, "magenta") if record.simulated else line
    line = Text(f"{clock} {record.source:12} ")
    line.append(f"{record.status:10}", STYLES.get(record.status, "cyan"))
    line.append(f" #{said['sequence']} {record.kind} {record.operation_id} {_money(said)}")
    if said["anomalies"]:
        line.append(f" [{', '.join(said['anomalies'])}]", "yellow")
    if not said["effective"]:
        line.append(" not effective", "yellow")
    if record.simulated:
        line.append(SIMULATED, "magenta")
    return line


def _money(said: dict[str, Any]) -> str:
    spent, got = said["spent"], said["payout"] or said["received"]
    return " -> ".join(f"{part['amount']} {part['currency']}" for part in (spent, got) if part)
