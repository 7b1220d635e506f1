"""Sample operations of OnchainPay, from its documented sequences and field tables; all of it is made up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from receiver.model.times import from_ms
from receiver.providers.contract import Chance, MadeUp, Make, Samples, Scenario, Source
from receiver.providers.samples import digits, fresh_id

ORGANISATION = "7991cb5e-42e7-4712-9cee-5c11980f861a"
STEP_S = 90
"""Between two statuses of an auto-swap, by the provider's own clock."""


def _auto_swap(source: Source, chance: Chance, now_s: int) -> Make:
    spent, received = digits(chance, 5000, 2), digits(chance, 2, 8)
    common = {
        "id": fresh_id(chance),
        "organizationId": source.account or ORGANISATION,
        "addressRiskLevel": "Low",
        "currencyFrom": "USDT",
        "networkFrom": "bsc",
        "currencyTo": "BTC",
        "networkTo": "bitcoin",
        "amountFrom": spent,
        "amountFromUSD": spent,
        "amountTo": received,
        "amountToUSD": spent,
        "amountToReceive": received,
        "rate": "10000",
        "blockchainFeeFrom": "0.34",
        "blockchainFeeFromUSD": "0.34",
        "blockchainFeeTo": "0.0001",
        "blockchainFeeToUSD": "1",
        "serviceFee": "10",
        "webhookUrl": f"https://merchant.example.com/webhooks/{source.name}",
        "createdAt": from_ms(now_s * 1000),
    }
    # The provider's clock when it enters each status; a late callback carries its older time.
    ranks = {"PENDING": 0, "WITHDRAWING": 1, "PROCESSED": 2, "REJECTED": 2, "ERROR": 3}
    messages = {"REJECTED": "Address risk level is too high", "ERROR": "Swap provider failed"}

    def make(step: str) -> dict[str, Any]:
        at = datetime.fromtimestamp(now_s, UTC) + timedelta(seconds=ranks[step] * STEP_S)
        return common | {
            "status": step,
            "message": messages.get(step),
            "updatedAt": from_ms(int(at.timestamp()) * 1000),
        }

    return make


SCENARIOS = (
    Scenario("swap-normal", _auto_swap, ("PENDING", "WITHDRAWING", "PROCESSED")),
    Scenario("swap-final-only", _auto_swap, ("PROCESSED",)),
    Scenario("swap-retry-duplicates", _auto_swap, ("WITHDRAWING", "WITHDRAWING", "PROCESSED", "PROCESSED")),
    Scenario("swap-out-of-order", _auto_swap, ("PROCESSED", "WITHDRAWING")),
    Scenario("swap-rejected", _auto_swap, ("PENDING", "REJECTED")),
    Scenario("swap-error", _auto_swap, ("PENDING", "WITHDRAWING", "ERROR")),
    Scenario("swap-terminal-conflict", _auto_swap, ("PROCESSED", "ERROR")),
)
MADE_UP = MadeUp(
    {
        "name": "swaps",
        "provider": "onchainpay",
        "keys": [{"public": "env:DEV_ONCHAINPAY_PUBLIC", "secret": "env:DEV_ONCHAINPAY_SECRET"}],
    },
    {"DEV_ONCHAINPAY_PUBLIC": "made-up-onchainpay-public-key", "DEV_ONCHAINPAY_SECRET": "made-up-onchainpay-secret"},
    in_dev=True,
)
SAMPLES = Samples(SCENARIOS, MADE_UP)
