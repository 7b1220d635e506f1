"""What takes the place of a record that Kafka refuses for good. Pure."""

from __future__ import annotations

from dataclasses import replace

import orjson

from receiver.model.callback import JournalEntry, VerifiedCallback
from receiver.model.quarantine_record import quarantine_value
from receiver.model.records import OutboxRecord


def refused(
    record: OutboxRecord, entry: JournalEntry | None, why: str, shown_headers: frozenset[bytes]
) -> OutboxRecord:
    """Give what takes the place of a record that Kafka refuses for good.

    The place of an event is taken by a quarantine record, which names the sequence that consumers will miss. The place
    of a quarantine record is taken by one without headers and body. If that is refused too, it is ``withheld``: it
    stays in the journal and goes to no topic. ``entry`` is what the event was made from, None where it is gone.
    """
    if record.record_type == "event":
        event = orjson.loads(record.value)
        value = orjson.loads(_refused_event(record, entry, shown_headers))
        missed = f"consumers will miss sequence {event['sequence']} of {record.operation_id}"
        value |= {"reason": "too_large_for_broker", "detail": f"$: refused by Kafka ({why}); {missed}"}
        record_id = value["quarantine_id"]
    else:
        value = orjson.loads(record.value)
        record_id = record.record_id
        if not value.pop("body_base64", None) and not value["headers"]:
            return replace(record, record_type="withheld")
        value["headers"] = []
    return replace(record, record_type="quarantine", record_id=record_id, value=orjson.dumps(value))


def _refused_event(record: OutboxRecord, entry: JournalEntry | None, shown_headers: frozenset[bytes]) -> bytes:
    if entry is None:  # purged, or taken over from Kafka: what is known is the event itself
        polled = VerifiedCallback(record.source, 0, (), record.value)
        entry = JournalEntry(record.callback or 0, polled)
    value = quarantine_value(
        entry,
        provider=record.provider,
        account=record.account,
        reason="too_large_for_broker",
        detail="",
        shown_headers=shown_headers,
        publish_body=False,
    )
    return orjson.dumps(orjson.loads(value) | {"received_at": record.received_at})
