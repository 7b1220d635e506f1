"""Every OnchainPay vector, through HTTP and out of the outbox."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from receiver.providers.signing import digest
from tests.support import ONCHAINPAY_VECTORS, Way

EVENTS = Path(__file__).parent / "events"
SAMPLES: dict[str, dict[str, Any]] = ONCHAINPAY_VECTORS["samples"]["auto_swap"]


def named(section: str) -> pytest.MarkDecorator:
    """Parametrise over one list of the vector file, by name."""
    vectors = ONCHAINPAY_VECTORS[section]
    return pytest.mark.parametrize("vector", vectors, ids=[vector["name"] for vector in vectors])


def file_name(vector: dict[str, Any]) -> str:
    """The vector's name as a file's."""
    return re.sub(r"[^a-z0-9]+", "-", vector["name"].lower()).strip("-") + ".json"


async def post(way: Way, vector: dict[str, Any]) -> int:
    """Deliver the vector's bytes with its headers."""
    body = base64.b64decode(vector["body_base64"])
    assert body == vector["body"].encode()
    return (await way.post("swaps", body, vector["headers"])).status_code


@named("request_signing")
def test_our_requests_would_be_signed_as_the_provider_asks(vector: dict[str, Any]) -> None:
    """The same scheme in the other direction: HMAC-SHA256 over the exact body, keyed with the secret as text."""
    secret = ONCHAINPAY_VECTORS["keys"][vector["key"]]["secret"].encode()
    assert digest(secret, vector["body"].encode(), "sha256").hex() == vector["signature"]


@named("webhook_valid")
async def test_a_valid_callback_becomes_its_event(vector: dict[str, Any]) -> None:
    """Accepted, kept byte for byte, and normalised field by field; hex of either case is the same digest."""
    way = Way()
    assert await post(way, vector) == 200
    assert way.inbox.entries[0].callback.body == vector["body"].encode()
    (event,) = way.interpret()
    assert event == orjson.loads((EVENTS / file_name(vector)).read_bytes())


@named("webhook_reject")
async def test_a_forged_or_damaged_callback_is_refused(vector: dict[str, Any]) -> None:
    """401, and nothing is kept."""
    way = Way()
    assert await post(way, vector) == 401
    assert way.inbox.entries == []


REASONS = {
    "valid signature, not JSON": ("not_json", "$"),
    "valid signature, JSON array": ("schema", "$"),
    "valid signature, unknown status": ("unknown_status", "status"),
    "valid signature, id missing": ("schema", "id"),
    "valid signature, empty body": ("not_json", "$"),
}


@named("webhook_valid_signature_bad_content")
async def test_genuine_but_unreadable_is_answered_200_and_quarantined(vector: dict[str, Any]) -> None:
    """The provider proved who it is: what it says is kept whole, with the reason why nobody could read it."""
    way = Way()
    assert await post(way, vector) == 200
    (record,) = way.interpret()
    assert (record["reason"], record["detail"]) == REASONS[vector["name"]]
    assert "x-api-signature" not in dict(record["headers"])


def body(status: str) -> bytes:
    """The sample of one status."""
    return orjson.dumps(SAMPLES[status])


@named("delivery_sequences")
async def test_a_delivery_sequence_publishes_what_the_vector_lists(vector: dict[str, Any]) -> None:
    """The effective events are the vector's ``publish``; what does not win is published too, and says why."""
    said = await Way().events("swaps", map(body, vector["bodies"]))
    assert [event["provider_status"] for event in said if event["effective"]] == vector["publish"]
    assert [event["sequence"] for event in said] == list(range(1, len(set(vector["bodies"])) + 1))
    losers = [event["anomalies"] for event in said if not event["effective"]]
    assert losers == {"out of order": [["late"]], "terminal conflict": [["conflict"]]}.get(vector["name"], [])


async def test_a_withdrawal_on_the_shared_url_is_kept_as_unknown_kind() -> None:
    """Auto-withdrawals may share the URL; their own fields tell them apart, null ones and ``type`` do not."""
    extra = ONCHAINPAY_VECTORS["samples"]["auto_withdrawal_extra_fields"]
    bodies = [orjson.dumps(SAMPLES["PROCESSED"] | {"id": f"w-{name}", name: "x"}) for name in extra]
    said = await Way().events("swaps", bodies)
    assert [(r.get("reason"), r.get("detail")) for r in said] == [
        (None, None) if name == "type" else ("unknown_kind", name) for name in extra
    ]
    nulls = orjson.dumps(SAMPLES["PROCESSED"] | dict.fromkeys(extra))
    (event,) = await Way().events("swaps", [nulls])
    assert event["status"] == "completed"
