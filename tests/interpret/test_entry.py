"""One entry on its way into a batch: whatever it does to our code, it is kept, and says nothing that is secret."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import orjson

from receiver.providers.zeroxpay import callbacks as zeroxpay
from tests.support import OXPAY_VECTORS, Way, oxpay_source

DONE: dict[str, Any] = json.loads(OXPAY_VECTORS["bodies"][0]["body"])


def body(number: int, **changes: Any) -> bytes:
    """A distinct exchange."""
    return json.dumps(DONE | {"id": f"operation-{number}"} | changes).encode()


async def test_a_bug_quarantines_its_callback_and_the_line_goes_on() -> None:
    """Reason ``internal_error``, a traceback in the log, nothing lost."""

    def buggy(payload: Any, source: Any) -> Any:
        if payload.body.id == "operation-2":
            raise ZeroDivisionError(payload.body.id)
        return zeroxpay.normalise(payload, source)

    way = Way((replace(zeroxpay.PROVIDER, normalise=buggy), oxpay_source()))
    said = await way.events("0xpay-main", [body(1), body(2), body(3)])
    assert [record.get("reason", "event") for record in said] == ["event", "internal_error", "event"]
    assert way.log.named("callback.bug") == [{"callback": 2, "source": "0xpay-main"}]


async def test_a_source_that_is_not_configured_any_more_is_kept_for_later() -> None:
    """Its callbacks are quarantined without guessing which header was a signature."""
    way = Way()
    await way.deliver("0xpay-main", body(1))
    way.interpreter.sources = {}
    (record,) = way.interpret()
    assert (record["reason"], record["provider"]) == ("internal_error", "")
    assert "signature" not in dict(record["headers"])


async def test_an_event_too_large_for_the_broker_gets_no_sequence() -> None:
    """It is quarantined before it is numbered: the operation's next event has no gap before it."""
    way = Way(record_bytes_max=1500)
    said = await way.events("0xpay-main", [body(1, meta="x" * 1000), body(1, meta="y")])
    assert (said[0]["reason"], said[0]["detail"]) == ("too_large_for_broker", "$")
    assert (said[1]["sequence"], said[1]["revision"]) == (1, 1)


async def test_quarantine_records_publish_no_secret_header() -> None:
    """Signatures, authorization, cookies and what nobody knows stay in the journal; the rest is there in order."""
    way = Way()
    source = way.intake.sources["0xpay-main"][1]
    junk = b"\xff"
    headers = [*zeroxpay.PROVIDER.sign(junk, source, way.clock.us // 1_000_000)]
    headers += [
        (b"authorization", b"x"),
        (b"cookie", b"x"),
        (b"x-original-signature", b"x"),
        (b"x-request-id", b"\xe9"),
        (b"x-forwarded-for", b"1"),
        (b"x-forwarded-for", b"2"),
    ]
    assert (await way.post("0xpay-main", junk, headers)).status_code == 200
    (record,) = way.interpret()
    names = [name for name, _ in record["headers"]]
    assert not {"signature", "authorization", "cookie", "x-original-signature"} & set(names)
    assert ["x-request-id", "é"] in record["headers"]
    assert [value for name, value in record["headers"] if name == "x-forwarded-for"] == ["1", "2"]
    assert (record["body_bytes"], len(record["body_sha256"])) == (1, 64)
    assert "body_base64" not in record
    assert orjson.loads(way.outbox.records[0].value) == record
