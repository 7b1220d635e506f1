"""What is published beside the code: JSON Schemas, AsyncAPI, and an example of each status. Generated, never edited.

``python -m exchange_events.publish`` writes them; a test fails when they and the models drift apart.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from exchange_events import quarantine, status_event
from exchange_events.asyncapi import asyncapi
from exchange_events.json_schema import schema
from exchange_events.quarantine import QuarantineRecord
from exchange_events.status_event import Status, StatusEvent

FOLDER = Path(__file__).parent / "published"
DRAFT = "https://json-schema.org/draft/2020-12/schema"

EXAMPLE: dict[str, Any] = {
    "schema_version": "1",
    "event_id": "5f0c3f2e-7f0d-5a53-9c7e-3f8a5d1c2b4a",
    "provider": "0xpay",
    "source": "0xpay-main",
    "account": "3f0c9a52-6d1e-4b7a-9c58-21e4b7d0a6f3",
    "family": "exchange",
    "kind": "crypto_exchange_withdraw",
    "operation_id": "c4b2f6a8-1d3e-4c59-9e70-6a8b2c4d0f11",
    "reference": "payout-77",
    "meta": "payout-77",
    "status": "exchanged",
    "provider_status": "Exchanged",
    "terminal": False,
    "sequence": 1,
    "revision": 1,
    "effective": True,
    "anomalies": [],
    "spent": {"amount": "601.5", "currency": "USDT", "network": None},
    "received": None,
    "payout": {
        "amount": "0.01",
        "currency": "BTC",
        "network": "BITCOIN",
        "destination": "bc1qexampleexampleexampleexampleexamplexx",
        "paid": None,
        "failed": None,
    },
    "fees": [
        {"kind": "payout", "amount": "0.0001", "currency": "BTC"},
        {"kind": "exchange", "amount": "1.5", "currency": "USDT"},
    ],
    "price": {"value": "60000", "pair": ["BTC", "USDT"]},
    "usd": None,
    "swapped": True,
    "risk": None,
    "failure": None,
    "transaction_hash": None,
    "created_at": "2024-05-27T08:55:23.456Z",
    "updated_at": None,
    "received_at": "2024-05-27T08:55:30.012345Z",
    "observed_via": "webhook",
}
_SWAP: dict[str, Any] = {
    "provider": "onchainpay",
    "source": "swaps",
    "account": "7991cb5e-42e7-4712-9cee-5c11980f861a",
    "kind": "auto_swap",
    "reference": None,
    "meta": None,
    "swapped": None,
    "risk": "low",
}
_DEPOSIT: dict[str, Any] = {
    "family": "deposit",
    "kind": "replenish",
    "spent": None,
    "received": {"amount": "25", "currency": "USDT", "network": "BINANCE_SMART_CHAIN"},
    "payout": None,
    "fees": [{"kind": "deposit", "amount": "0.25", "currency": "USDT"}],
    "price": None,
    "swapped": None,
}
_FAILURE: dict[str, Any] = {"terminal": True, "failure": {"code": None, "message": "Not enough liquidity"}}
DIFFERS: dict[str, dict[str, Any]] = {
    "pending": _SWAP | {"provider_status": "PENDING"},
    "processing": {
        "provider": "calypso",
        "source": "calypso-main",
        "kind": "exchange",
        "provider_status": "IN_PROGRESS",
    }
    | {"observed_via": "poll", "payout": None, "fees": [], "price": None, "swapped": None},
    "exchanged": {},
    "sending": _SWAP | {"provider_status": "WITHDRAWING"},
    "completed": {"provider_status": "Done", "terminal": True, "sequence": 2},
    "verified": _DEPOSIT | {"provider_status": "Verified", "terminal": True, "sequence": 3},
    "failed": {"provider_status": "Failed", "sequence": 2} | _FAILURE,
    "rejected": _SWAP | {"provider_status": "REJECTED", "risk": "severe"} | _FAILURE,
    "expired": _DEPOSIT
    | {"family": "invoice", "kind": "crypto_invoice", "provider_status": "Expired", "terminal": True},
    "cancelled": {"provider": "calypso", "source": "calypso-main", "family": "payout", "kind": "payout"}
    | {"provider_status": "CANCELED", "terminal": True},
}
"""Per status, what differs from ``EXAMPLE``: every status of the vocabulary has one."""

QUARANTINE_EXAMPLE: dict[str, Any] = {
    "quarantine_id": "4711",
    "provider": "0xpay",
    "source": "0xpay-main",
    "account": "3f0c9a52-6d1e-4b7a-9c58-21e4b7d0a6f3",
    "reason": "unknown_status",
    "detail": "status",
    "received_at": "2024-05-27T08:55:30.012345Z",
    "headers": [["timestamp", "1716800130"], ["content-type", "application/json"]],
    "body_sha256": "9f2c1e7b5a4d3c2b1a0f9e8d7c6b5a493827161504f3e2d1c0b9a8f7e6d5c4b4",
    "body_bytes": 338,
}


def documents() -> dict[str, str]:
    """Every published file: its name relative to the folder, and its text."""
    files = {
        "status_event.v1.schema.json": _text(_schema(StatusEvent, status_event.SCHEMA_ID)),
        "quarantine.v1.schema.json": _text(_schema(QuarantineRecord, quarantine.SCHEMA_ID)),
        # JSON is YAML: no emitter of our own, none to install.
        "asyncapi.v1.yaml": _text(asyncapi({"status_event": EXAMPLE, "quarantine": QUARANTINE_EXAMPLE})),
        "examples/quarantine.json": _text(QUARANTINE_EXAMPLE),
    }
    for status in get_args(Status):
        files[f"examples/{status}.json"] = _text(EXAMPLE | DIFFERS[status] | {"status": status})
    return files


def write(folder: Path) -> None:
    """Write every document below ``folder``."""
    for name, text in documents().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def _schema(model: type[BaseModel], schema_id: str) -> dict[str, Any]:
    return {"$schema": DRAFT, "$id": schema_id, **schema(model)}


def _text(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    write(FOLDER)
