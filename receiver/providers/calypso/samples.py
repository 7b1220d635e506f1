"""Sample operations of Calypso, from its documented sequences and field tables; all of it is made up."""

from __future__ import annotations

import json
from typing import Any

from receiver.model.times import from_ms
from receiver.providers.contract import UNKNOWN_STATUS, Begin, Chance, MadeUp, Make, Samples, Scenario, Source
from receiver.providers.samples import digits, fresh_id


def _event(group: str) -> Begin:
    def begin(source: Source, chance: Chance, now_s: int) -> Make:
        del source
        number = chance.randrange(10_000, 100_000)
        common = {
            "idempotencyKey": fresh_id(chance),
            "externalId": f"order-{number}",
            "parentExternalId": number,
            "amount": digits(chance, 5000, 2),
            "currency": "USDT_TRX",
            "createdDate": from_ms(now_s * 1000).removesuffix("Z"),
        }

        def make(step: str) -> dict[str, Any]:
            # A payout's states come in events of one type; every other word is an event type of its own.
            state = {} if step.startswith(group) else {"payoutStatus": step}
            event_type = step if not state else "PAYOUT_CHANGE_STATUS"
            return {
                "requestId": "bf9348b7-2c14-46d7-868c-b597852da319",
                "id": chance.randrange(1, 10**9),
                "createdDate": from_ms(now_s * 1000 + chance.randrange(1000)).removesuffix("Z"),
                "level": "INFO",
                "service": group,
                "eventType": event_type,
                "data": common | {"type": event_type} | state,
            }

        return make

    return begin


def with_unknown_status(body: bytes) -> bytes:
    """A copy of a webhook whose event type nobody knows; it stands twice in the envelope."""
    said = json.loads(body)
    said |= {"eventType": UNKNOWN_STATUS, "data": said["data"] | {"type": UNKNOWN_STATUS}}
    return json.dumps(said).encode()


_PAYOUT, _INVOICE, _FIAT_DEPOSIT = (_event(group) for group in ("PAYOUT", "INVOICE", "FIAT_DEPOSIT"))
SCENARIOS = (
    Scenario("payout-happy", _PAYOUT, ("PAYOUT_CONFIRMED", "IN_PROGRESS", "PAYOUT_HASH_RECEIVED", "COMPLETED")),
    Scenario("payout-failed", _PAYOUT, ("IN_PROGRESS", "FAILED")),
    Scenario("invoice-paid", _INVOICE, ("INVOICE_CREATE_INVOICE", "INVOICE_MEMPOOL_FOUND", "INVOICE_PAID")),
    Scenario("invoice-expired", _INVOICE, ("INVOICE_CREATE_INVOICE", "INVOICE_EXPIRED")),
    Scenario(
        "fiat-deposit-funded",
        _FIAT_DEPOSIT,
        ("FIAT_DEPOSIT_ORDER_CREATED", "FIAT_DEPOSIT_FIAT_FUNDS_RECEIVED"),
    ),
)
MADE_UP = MadeUp(
    {
        "name": "calypso",
        "provider": "calypso",
        "account": "0x00000000000000000000000000000000000000c0",
        "keys": [{"public": "env:DEV_CALYPSO_PUBLIC", "secret": "env:DEV_CALYPSO_SECRET"}],
    },
    {"DEV_CALYPSO_PUBLIC": "made-up-subscription-key", "DEV_CALYPSO_SECRET": "made-up-subscription-secret"},
)
SAMPLES = Samples(SCENARIOS, MADE_UP)
