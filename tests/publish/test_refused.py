"""What takes the place of a record that Kafka refuses for good."""

from __future__ import annotations

from dataclasses import replace

import orjson

from receiver.model.callback import JournalEntry, VerifiedCallback
from receiver.model.records import OutboxRecord
from receiver.publish.refused import refused

EVENT = OutboxRecord(
    7, "event", "id-7", "0xpay", "main", "m", "exchange", "exchange", "op-1", "completed",
    effective=True, received_at="2024-05-27T08:55:30.012345Z", callback=3, traceparent=None,
    value=b'{"sequence":4}',
)  # fmt: skip
HEADERS = ((b"x-signature", b"s"), (b"content-type", b"application/json"))
CALLBACK = VerifiedCallback("main", 1_716_800_130_012_345, HEADERS, b'{"id":"op-1"}')


def test_an_events_place_is_taken_by_a_quarantine_record_that_names_the_gap() -> None:
    """Of the callback that it came from, without its body and its signature; consumers learn what they will miss."""
    instead = refused(EVENT, JournalEntry(3, CALLBACK), "MessageSizeTooLargeError", frozenset())
    said = orjson.loads(instead.value)
    assert (instead.number, instead.record_type, instead.record_id) == (7, "quarantine", "3")
    assert said["reason"] == "too_large_for_broker"
    assert said["detail"].endswith(
        "refused by Kafka (MessageSizeTooLargeError); consumers will miss sequence 4 of op-1"
    )
    assert said["headers"] == [["content-type", "application/json"]]
    assert "body_base64" not in said
    assert said["received_at"] == EVENT.received_at


def test_a_quarantine_records_place_is_taken_by_one_that_says_less_and_then_by_none() -> None:
    """First without headers and body; if that is refused too, it goes nowhere and stays in the journal."""
    first = refused(EVENT, JournalEntry(3, CALLBACK), "too large", frozenset())
    with_body = replace(first, value=orjson.dumps(orjson.loads(first.value) | {"body_base64": "e30="}))
    second = refused(with_body, None, "too large", frozenset())
    assert second.record_type == "quarantine"
    assert orjson.loads(second.value)["headers"] == []
    assert "body_base64" not in orjson.loads(second.value)
    third = refused(second, None, "too large", frozenset())
    assert third == replace(second, record_type="withheld")


def test_where_the_callback_is_gone_the_event_itself_stands_for_it() -> None:
    """It was purged, or the event was taken over from Kafka."""
    said = orjson.loads(refused(EVENT, None, "too large", frozenset()).value)
    assert (said["quarantine_id"], said["source"], said["headers"]) == ("3", "main", [])
    assert said["body_bytes"] == len(EVENT.value)
