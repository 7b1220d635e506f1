"""The event's identity is for ever, and its JSON is the contract's."""

from __future__ import annotations

import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

import orjson
import pytest

from exchange_events.status_event import StatusEvent
from receiver.interpret.status_event import facts_digest
from receiver.model import event_parts
from receiver.model.operation import Facts
from receiver.providers.zeroxpay import callbacks as zeroxpay
from tests.support import NOW_S, OXPAY_VECTORS, Way

EVENTS = sorted((Path(__file__).parents[1] / "providers").glob("*/events/*.json"))
GOLDEN: dict[str, str] = orjson.loads((Path(__file__).parent / "golden_ids.json").read_bytes())
IDENTITY = (
    "spent", "received", "payout", "fees", "price", "usd", "swapped", "risk", "failure", "transaction_hash",
    "reference", "meta", "created_at",
)  # fmt: skip

WHOLE_EVENT = json.loads("""
{"schema_version": "1", "provider": "0xpay", "source": "0xpay-main", "account": "3f0c9a52-6d1e-4b7a-9c58-21e4b7d0a6f3",
 "family": "exchange", "kind": "crypto_exchange_withdraw", "operation_id": "c4b2f6a8-1d3e-4c59-9e70-6a8b2c4d0f11",
 "reference": "payout-77", "meta": "payout-77",
 "status": "exchanged", "provider_status": "Exchanged", "terminal": false, "sequence": 1, "revision": 1,
 "effective": true, "anomalies": [],
 "spent": {"amount": "601.5", "currency": "USDT", "network": null}, "received": null,
 "payout": {"amount": "0.01", "currency": "BTC", "network": "BITCOIN",
            "destination": "bc1qexampleexampleexampleexampleexamplexx", "paid": null, "failed": null},
 "fees": [{"kind": "payout", "amount": "0.0001", "currency": "BTC"},
          {"kind": "exchange", "amount": "1.5", "currency": "USDT"}],
 "price": {"value": "60000", "pair": ["BTC", "USDT"]}, "usd": null, "swapped": true, "risk": null, "failure": null,
 "transaction_hash": null, "created_at": "2024-05-27T08:55:23.456Z", "updated_at": null,
 "received_at": "2024-05-27T08:55:30.012345Z", "observed_via": "webhook"}
""")
"""The one that the mapping prints in full, but for its id."""


def written_out_again(value: Any) -> Any:
    """The mapping's rule, by other means than the service's: null and empty left out at every depth."""
    if isinstance(value, dict):
        kept = {key: written_out_again(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, "", [], {}) or item is False}
    if isinstance(value, list):
        return [written_out_again(item) for item in value]
    return value


def identity(event: dict[str, Any]) -> str:
    """The event's id from the event alone, as a consumer could compute it."""
    said = written_out_again({name: event[name] for name in IDENTITY})
    digest = hashlib.sha256(
        json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    ).hexdigest()
    parts = [event[name] for name in ("provider", "account", "kind", "operation_id", "provider_status")]
    name = json.dumps([*parts, digest], separators=(",", ":"), ensure_ascii=False)
    return str(uuid.uuid5(uuid.UUID("828e2328-3b1e-459f-a28b-c6b4e311901e"), name))


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_the_id_is_the_mappings_uuid5(path: Path) -> None:
    """Computed here from the published event with the standard library's uuid5."""
    event = orjson.loads(path.read_bytes())
    assert event["event_id"] == identity(event)


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_golden_ids_never_change(path: Path) -> None:
    """An id that changes would publish everybody's past again: this file is only ever added to."""
    event = orjson.loads(path.read_bytes())
    assert GOLDEN[f"{event['provider']}/{path.stem}"] == event["event_id"]


async def test_the_whole_event_of_the_mapping() -> None:
    """Field by field, in the contract's order, every key present."""
    body = next(v["body"] for v in OXPAY_VECTORS["bodies"] if v["name"] == "crypto-exchange-withdraw-exchanged")
    way = Way()
    way.clock.us = NOW_S * 1_000_000 + 12_345
    (event,) = await way.events("0xpay-main", [body.encode()])
    assert uuid.UUID(event.pop("event_id")).version == 5
    assert event == WHOLE_EVENT
    assert list(event) == [name for name in StatusEvent.model_fields if name != "event_id"]


def digest(**facts: Any) -> str:
    """The digest of some facts of one operation."""
    kind = zeroxpay.LIFECYCLES["Exchange"]
    return facts_digest(Facts(account="m", kind=kind, operation_id="o", provider_status="Done", **facts))


def test_what_says_nothing_has_no_part_in_the_digest_and_false_says_something() -> None:
    """Null and empty at every depth are as good as absent."""
    nothing = digest()
    assert (
        digest(meta="", spent=event_parts.amount(None, None, None), fees=(), price=event_parts.price(None, []))
        == nothing
    )
    assert digest(price=event_parts.price("", ["", ""])) == nothing
    assert (
        digest(spent=event_parts.amount("1", None, "")) == digest(spent=event_parts.amount("1", None, None)) != nothing
    )
    assert len({nothing, digest(swapped=False), digest(swapped=True), digest(meta="0")}) == 4
    assert digest(fees=(event_parts.fee("a", "1", None),)) != digest(fees=(event_parts.fee("a", "1", "USD"),))


def test_what_is_not_in_the_list_is_no_news() -> None:
    """Another time of the same content, another order of its anomalies."""
    assert digest(updated_at="2024-01-01T00:00:00Z", anomalies=("partial",)) == digest()
