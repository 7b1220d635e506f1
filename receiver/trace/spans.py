"""Which records are traced, and the spans of one. Pure.

The journal keeps one time of a callback: when it was received. When it was understood and published is not kept, so
these two are taken from when the follower of the outbox saw it: its record, which is there at once or a moment after,
and the journal's copy of Kafka's position, which is noted at most a second after Kafka confirmed. Both are upper
bounds. ``receive`` has no length, since nobody notes when its commit was through: its provider waited for less than
what ``interpret`` takes.

Ids are made from the record's own, so that a record that is told twice is the same spans.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from receiver.model.records import OutboxRecord
from receiver.model.times import to_us

Kind = Literal["server", "internal", "producer"]
TRACE_ID_HEX = slice(3, 35)
PARENT_ID_HEX = slice(36, 52)
SAMPLED = 1
"""The flag by which a caller says that it keeps its part of the trace."""
RATIO_BITS = 64


@dataclass(frozen=True, slots=True)
class Span:
    """One step of one callback."""

    name: str
    kind: Kind
    trace_id: int
    span_id: int
    parent_id: int | None
    """None for the first span of a trace that began here."""
    start_us: int
    end_us: int
    """Unix microseconds."""
    attributes: Mapping[str, str | int | bool]


def sampled(record: OutboxRecord, ratio: float) -> bool:
    """Whether a record's spans are made: so great a part of all traces, chosen by their ids as others choose them too.

    A caller that says it does not keep its own part is not followed; one that does gains nothing by it, since else any
    caller could have all of its callbacks traced.
    """
    given = record.traceparent
    if given is not None and not int(given[-2:], 16) & SAMPLED:
        return False
    return _trace_id(record) % (1 << RATIO_BITS) < ratio * (1 << RATIO_BITS)


def understood(record: OutboxRecord, seen_us: int) -> tuple[Span, Span]:
    """``receive`` and ``interpret``, of a record that was seen in the outbox at ``seen_us``."""
    received_us = to_us(record.received_at)
    parent_id = None if record.traceparent is None else int(record.traceparent[PARENT_ID_HEX], 16)
    said = _attributes(record)
    trace_id, receive_id = _trace_id(record), _span_id(record, "receive")
    return (
        Span("receive", "server", trace_id, receive_id, parent_id, received_us, received_us, said),
        Span(
            "interpret",
            "internal",
            trace_id,
            _span_id(record, "interpret"),
            receive_id,
            received_us,
            max(seen_us, received_us),
            said,
        ),
    )


def published(record: OutboxRecord, seen_us: int, published_us: int) -> Span:
    """``publish``, of a record that was seen at ``seen_us``, and known to be on Kafka at ``published_us``."""
    start_us = max(seen_us, to_us(record.received_at))
    return Span(
        "publish",
        "producer",
        _trace_id(record),
        _span_id(record, "publish"),
        _span_id(record, "receive"),
        start_us,
        max(published_us, start_us),
        _attributes(record),
    )


def _attributes(record: OutboxRecord) -> dict[str, str | int | bool]:
    # Ids and words of ours; never an amount, an address or a word of a provider.
    said: dict[str, str | int | bool] = {
        "receiver.source": record.source,
        "receiver.provider": record.provider,
        "receiver.record": record.number,
        "receiver.record_type": record.record_type,
        "receiver.record_id": record.record_id,
    }
    if record.callback is not None:
        said["receiver.callback"] = record.callback
    if record.record_type == "event":
        said |= {
            "receiver.kind": record.kind,
            "receiver.operation": record.operation_id,
            "receiver.status": record.status,
            "receiver.effective": record.effective,
        }
    return said


def _trace_id(record: OutboxRecord) -> int:
    if record.traceparent is not None:
        return int(record.traceparent[TRACE_ID_HEX], 16)
    return int.from_bytes(_digest(record, "trace")[:16]) or 1


def _span_id(record: OutboxRecord, name: str) -> int:
    return int.from_bytes(_digest(record, name)[:8]) or 1


def _digest(record: OutboxRecord, name: str) -> bytes:
    return hashlib.sha256(f"{name}:{record.number}:{record.record_id}".encode()).digest()
