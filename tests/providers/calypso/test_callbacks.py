"""Every Calypso vector, through HTTP and out of the outbox."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from receiver.providers.calypso import callbacks as calypso
from receiver.providers.signing import digest
from tests.support import CALYPSO_VECTORS, Way, calypso_source

EVENTS = Path(__file__).parent / "events"
BODIES: dict[str, dict[str, Any]] = {v["name"]: json.loads(v["body"]) for v in CALYPSO_VECTORS["webhook_valid"]}


FAILED, PARTIAL = "PAYOUT_CHANGE_STATUS / FAILED", "PAYOUT_CHANGE_STATUS / PARTIAL"


def named(section: str) -> pytest.MarkDecorator:
    """Parametrise over one list of the vector file, by name."""
    vectors = CALYPSO_VECTORS[section]
    return pytest.mark.parametrize("vector", vectors, ids=[vector["name"] for vector in vectors])


def file_name(name: str) -> str:
    """A vector's name as a file's."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") + ".json"


def way() -> Way:
    """A receiver with one Calypso source."""
    return Way((calypso.PROVIDER, calypso_source()))


@named("request_signing")
def test_our_requests_would_be_signed_as_the_provider_asks(vector: dict[str, Any]) -> None:
    """Its published example too: HMAC-SHA512 over the exact body, keyed with the secret as text."""
    secret = CALYPSO_VECTORS["keys"][vector["key"]]["secret"].encode()
    body = base64.b64decode(vector["body_base64"])
    assert digest(secret, body, "sha512").hex() == vector["correct_signature"]


UNKNOWN = {"unknown event kind": ("unknown_kind", "eventType"), "CUSTOMER_PURSE_EXPIRED": ("unknown_kind", "eventType")}
"""An invented exchange event, and the end of a purse, which is no status of a deposit."""


@named("webhook_valid")
async def test_a_valid_webhook_is_accepted_and_becomes_its_event(vector: dict[str, Any]) -> None:
    """Errors would block the subscription: what is no status of an operation is quarantined with a 200."""
    receiver, body = way(), base64.b64decode(vector["body_base64"])
    assert (await receiver.post("calypso", body, vector["headers"])).status_code == 200
    (said,) = receiver.interpret()
    if vector["name"] in UNKNOWN:
        assert (said["reason"], said["detail"]) == UNKNOWN[vector["name"]]
        assert "sign" not in dict(said["headers"])
    else:
        assert said == orjson.loads((EVENTS / file_name(vector["name"])).read_bytes())


@named("webhook_reject")
async def test_a_forged_or_damaged_webhook_is_refused(vector: dict[str, Any]) -> None:
    """401, and nothing is kept."""
    receiver, body = way(), base64.b64decode(vector["body_base64"])
    assert (await receiver.post("calypso", body, vector["headers"])).status_code == 401
    assert receiver.inbox.entries == []


async def one(document: Any) -> dict[str, Any]:
    """What one webhook becomes."""
    (said,) = await way().events("calypso", [json.dumps(document).encode()])
    return said


def changed(name: str, **data: Any) -> dict[str, Any]:
    """A vector's body with other data."""
    return BODIES[name] | {"data": BODIES[name]["data"] | data}


@pytest.mark.parametrize(
    ("document", "reason", "detail"),
    [
        (BODIES["INVOICE_PAID"] | {"data": None}, "schema", "data"),
        (BODIES["INVOICE_PAID"] | {"data": []}, "schema", "data"),
        (BODIES["INVOICE_PAID"] | {"eventType": "COMPLETED"}, "unknown_kind", "eventType"),
        (BODIES["INVOICE_PAID"] | {"eventType": 5}, "schema", "eventType"),
        (changed(FAILED, payoutStatus="PAYOUT_CONFIRMED"), "unknown_status", "data.payoutStatus"),
        (changed(FAILED, payoutStatus="LOST"), "unknown_status", "data.payoutStatus"),
        (changed(FAILED, payoutStatus=None), "schema", "data.payoutStatus"),
        (changed("INVOICE_PAID", idempotencyKey=None), "schema", "data.idempotencyKey"),
        (changed("INVOICE_PAID", idempotencyKey=7), "schema", "data.idempotencyKey"),
        (changed("INVOICE_PAID", amount="a lot"), "schema", "data.amount"),
        (changed("INVOICE_PAID", createdDate="2025-13-45T10:00:00"), "schema", "data.createdDate"),
        (BODIES["INVOICE_PAID"] | {"createdDate": "yesterday"}, "schema", "createdDate"),
    ],
)  # fmt: skip
async def test_what_cannot_be_read_is_quarantined_with_the_fields_path(document: Any, reason: str, detail: str) -> None:
    """The first reason that holds."""
    said = await one(document)
    assert (said["reason"], said["detail"]) == (reason, detail)


@pytest.mark.parametrize("digits", ["0.1", "1e-8", "0.100000000000000001", "9223372036854775807", "1E-18", "0.10"])
async def test_no_digit_of_a_number_changes(digits: str) -> None:
    """Amounts are JSON numbers here: their source text is what is published, and an int64 id is never a float."""
    body = json.dumps(changed("INVOICE_PAID", realAmount=None)).replace('"amount": 0.01', f'"amount": {digits}')
    (event,) = await way().events("calypso", [body.encode()])
    assert event["received"]["amount"] == digits


async def test_what_the_copies_of_its_docs_disagree_on_is_no_error() -> None:
    """A currency that is a number, a fiat amount of any shape, the type in data alone."""
    event = await one(changed("CUSTOMER_PURSE_FUNDS_RECEIVED_FOR_PURSE", currency=7, fiatAmount={"a": [1]}))
    assert event["received"] == {"amount": "10", "currency": None, "network": None}
    document = {key: value for key, value in BODIES["INVOICE_PAID"].items() if key != "eventType"}
    assert (await one(document))["status"] == "completed"


async def test_an_invoice_and_a_payout_from_beginning_to_end() -> None:
    """In whatever order they come: each event once, and a late one walks nobody back."""
    names = ["INVOICE_CREATE_INVOICE", "INVOICE_MEMPOOL_FOUND", "INVOICE_PAID", "INVOICE_FUNDS_RECEIVED_FOR_INVOICE"]
    events = await way().events("calypso", [json.dumps(BODIES[name]).encode() for name in names])
    assert [(e["status"], e["sequence"], e["effective"]) for e in events] == [
        ("pending", 1, True), ("processing", 2, True), ("completed", 3, True), ("processing", 4, False),
    ]  # fmt: skip
    payouts = ["PAYOUT_CONFIRMED", "PAYOUT_CHANGE_STATUS / IN_PROGRESS", "PAYOUT_HASH_RECEIVED", PARTIAL]
    said = await way().events("calypso", [json.dumps(BODIES[name]).encode() for name in payouts])
    assert [event["status"] for event in said] == ["processing", "sending", "sending", "completed"]
    assert [event["anomalies"] for event in said] == [[], [], [], ["partial"]]
    assert {(event["reference"], event["family"]) for event in said} == {("payout-77", "payout")}
