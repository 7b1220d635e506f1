"""From an outbox record to Kafka messages: topic, key, headers."""

from __future__ import annotations

from typing import Any

import pytest

from receiver.journal.slots import first_record
from receiver.model.records import OutboxRecord
from receiver.publish.routing import (
    Rule,
    position_id,
    reachable_topics,
    record_number,
    route,
    splits_operations,
    topics_of,
)

FIELDS: dict[str, Any] = {
    "number": 7, "record_type": "event", "record_id": "the-id", "provider": "0xpay", "source": "main", "account": "m:1",
    "family": "exchange", "kind": "exchange", "operation_id": "op%2", "status": "completed", "effective": True,
    "received_at": "2024-05-27T08:55:30.012345Z", "callback": 4711, "traceparent": None, "value": b"{}",
}  # fmt: skip


def record(**changes: Any) -> OutboxRecord:
    """An event record."""
    return OutboxRecord(**(FIELDS | changes))


def topics(one: OutboxRecord, *rules: Rule, prefix: str = "") -> list[str]:
    """Where it goes."""
    return [message.topic for message in route(one, rules, prefix, "journal")]


def test_an_events_message_is_the_contracts() -> None:
    """Key with encoded parts, CloudEvents headers in binary mode, the value as it is."""
    (message,) = route(record(), (), "", "journal-id")
    assert message.topic == "exchange.status.v1"
    assert message.key == b"0xpay:m%3A1:exchange:op%252"
    assert message.value == b"{}"
    assert dict(message.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"the-id",
        "ce_type": b"exchange.completed",
        "ce_source": b"/0xpay/main",
        "ce_subject": b"op%2",
        "ce_time": b"2024-05-27T08:55:30.012345Z",
        "ce_dataschema": b"urn:exchange-webhook-receiver:status_event:v1",
        "content-type": b"application/json",
        "receiver-callback": b"4711",
        "receiver-position": b"journal-id:7",
    }


def test_a_trace_is_passed_on_and_a_poll_has_no_callback() -> None:
    """Headers that have nothing to say are left out."""
    (message,) = route(record(traceparent="00-a-b-01", callback=None), (), "", "j")
    headers = dict(message.headers)
    assert headers["traceparent"] == b"00-a-b-01"
    assert "receiver-callback" not in headers


@pytest.mark.parametrize("record_type", ["event", "quarantine"])
def test_what_a_simulator_made_says_so(record_type: str) -> None:
    """In a header of its own; the event itself is as any other."""
    one = record(record_type=record_type, simulated=True)
    (message,) = route(one, (), "", "j")
    assert dict(message.headers)["receiver-simulated"] == b"1"
    assert message.value == one.value


def test_a_quarantine_record_goes_to_its_own_topic_by_source() -> None:
    """No rule moves it."""
    one = record(record_type="quarantine", family="", status="")
    (message,) = route(one, [Rule({"source": "main"}, "elsewhere")], "p.", "j")
    assert (message.topic, message.key) == ("p.webhook.quarantine.v1", b"main")
    assert dict(message.headers)["ce_type"] == b"webhook.quarantine"
    assert "ce_dataschema" not in dict(message.headers)


def test_the_first_match_wins_and_replaces() -> None:
    """In the file's order; what it names must all be so."""
    rules = [
        Rule({"provider": "onchainpay"}, "wrong"),
        Rule({"provider": "0xpay", "kind": "exchange"}, "first"),
        Rule({"provider": "0xpay"}, "second"),
    ]
    assert topics(record(), *rules) == ["first"]
    assert topics(record(kind="fiat_exchange_withdraw"), *rules) == ["second"]
    assert topics(record(provider="calypso"), *rules, prefix="eu.") == ["eu.exchange.status.v1"]


def test_also_is_a_copy_and_the_default_stays() -> None:
    """Both messages stand for one record, so they go in one transaction; the default topic is not written twice."""
    messages = route(record(), [Rule({"status": "completed"}, "alerts", also=True)], "", "j")
    assert [(message.topic, message.record) for message in messages] == [("exchange.status.v1", 7), ("alerts", 7)]
    assert topics(record(), Rule({"status": "completed"}, "exchange.status.v1", also=True)) == ["exchange.status.v1"]
    assert topics(record(status="failed"), Rule({"status": "completed"}, "alerts", also=True)) == ["exchange.status.v1"]


def test_an_effective_event_goes_to_its_state_topic_too() -> None:
    """In the same transaction as the event; what is not effective is nobody's state."""
    found = route(record(), (), "eu.", "j", state_topics=True)
    assert [message.topic for message in found] == ["eu.exchange.status.v1", "eu.exchange.state.v1"]
    assert found[0].key == found[1].key
    assert len(route(record(effective=False), (), "", "j", state_topics=True)) == 1
    assert "exchange.state.v1" in reachable_topics((), "", state_topics=True)


@pytest.mark.parametrize(
    ("rule", "splits"),
    [
        (Rule({"status": "failed"}, "t"), True),
        (Rule({"provider": "0xpay", "status": "failed"}, "t"), True),
        (Rule({"status": "failed"}, "t", also=True), False),
        (Rule({"kind": "exchange"}, "t"), False),
    ],
)
def test_a_rule_by_status_that_replaces_would_split_operations(rule: Rule, *, splits: bool) -> None:
    """Its order would be gone."""
    assert splits_operations(rule) is splits


def test_every_reachable_topic_is_listed_once() -> None:
    """Defaults with the prefix, a route's as written."""
    found = reachable_topics([Rule({"kind": "exchange"}, "mine"), Rule({"kind": "x"}, "mine")], "eu.")
    assert found == [
        "eu.exchange.status.v1", "eu.payout.status.v1", "eu.deposit.status.v1", "eu.invoice.status.v1",
        "eu.webhook.quarantine.v1", "mine",
    ]  # fmt: skip


def test_a_message_tells_its_number_to_the_journal_and_the_run_that_sent_it() -> None:
    """Nobody else's number is taken for ours, nor a replayed one for the first."""
    headers = dict(route(record(), (), "", "j")[0].headers)
    assert record_number(headers, "j") == record().number
    assert record_number(headers, "other") is None
    assert record_number({**headers, "receiver-replay": b"run-1"}, "j") is None
    assert record_number({**headers, "receiver-replay": b"run-1"}, "j", "run-1") == record().number
    assert record_number({"receiver-position": b"j:\xff"}, "j") is None
    assert record_number({}, "j") is None


def test_the_topics_of_some_fields_are_those_of_an_event_that_has_them() -> None:
    """For who tries a route; without a family nothing is known."""
    rules = (Rule({"kind": "exchange", "provider": "0xpay"}, "shop"), Rule({"family": "payout"}, "copy", also=True))
    for fields in ({"family": "exchange", "kind": "exchange", "provider": "0xpay"}, {"family": "payout"}):
        whole = {**FIELDS, "kind": "", "provider": "", **fields}
        assert list(topics_of(fields, rules, "p.")) == topics(record(**whole), *rules, prefix="p.")
    assert topics_of({"family": "exchange"}, rules, "") == ("exchange.status.v1",)
    assert topics_of({"kind": "exchange"}, rules, "") == ()


@pytest.mark.parametrize(("slot", "published_as"), [(0, "j"), (1, "j.1"), (12, "j.12")])
def test_each_slot_of_a_journal_publishes_under_a_name_of_its_own(slot: int, published_as: str) -> None:
    """Slot 0 under the journal's id, as it did before there were others; and none reads another's numbers."""
    number = first_record(slot) + 7
    (message,) = route(record(number=number), (), "", "j")
    assert position_id("j", slot) == published_as
    assert dict(message.headers)["receiver-position"] == f"{published_as}:{number}".encode()
    read = {other: record_number(dict(message.headers), position_id("j", other)) for other in (0, 1, 12)}
    assert read == {0: None, 1: None, 12: None} | {slot: number}
