"""Sample operations of each provider: the statuses that one goes through, and its bodies, with fresh ids and amounts.

From the providers' documented sequences and field tables; ids, addresses and amounts are made up.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from receiver.model.times import from_ms
from receiver.providers.contract import Source

ORGANISATION = "7991cb5e-42e7-4712-9cee-5c11980f861a"
STEP_S = 90
"""Between two statuses of an auto-swap, by the provider's own clock."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """The statuses of one operation, in the order in which its callbacks are sent."""

    name: str
    provider: str
    kind: str
    steps: tuple[str, ...]
    """Status words; ``Failed`` before or after the swap as ``Failed:before`` and ``Failed:after``."""


def _oxpay(name: str, kind: str, *steps: str) -> Scenario:
    return Scenario(name, "0xpay", kind, steps)


def _onchainpay(name: str, *steps: str) -> Scenario:
    return Scenario(name, "onchainpay", "auto-swap", steps)


def _calypso(name: str, kind: str, *steps: str) -> Scenario:
    return Scenario(name, "calypso", kind, steps)


SCENARIOS: tuple[Scenario, ...] = (
    _oxpay("exchange-happy", "Exchange", "Done"),
    _oxpay("exchange-failed", "Exchange", "Failed"),
    _oxpay("exchange-withdraw-happy", "CryptoExchangeWithdraw", "Exchanged", "Done"),
    _oxpay("exchange-withdraw-fails-before-swap", "CryptoExchangeWithdraw", "Failed:before"),
    _oxpay("exchange-withdraw-fails-after-swap", "CryptoExchangeWithdraw", "Exchanged", "Failed:after"),
    _oxpay("exchange-withdraw-first-repeated", "CryptoExchangeWithdraw", "Exchanged", "Exchanged", "Done"),
    _oxpay("exchange-withdraw-late-duplicate", "CryptoExchangeWithdraw", "Exchanged", "Done", "Exchanged"),
    _oxpay("fiat-withdraw-happy", "FiatExchangeWithdraw", "Exchanged", "Done"),
    _oxpay("fiat-withdraw-partial", "FiatExchangeWithdraw", "Exchanged", "Done:partial"),
    _onchainpay("swap-normal", "PENDING", "WITHDRAWING", "PROCESSED"),
    _onchainpay("swap-final-only", "PROCESSED"),
    _onchainpay("swap-retry-duplicates", "WITHDRAWING", "WITHDRAWING", "PROCESSED", "PROCESSED"),
    _onchainpay("swap-out-of-order", "PROCESSED", "WITHDRAWING"),
    _onchainpay("swap-rejected", "PENDING", "REJECTED"),
    _onchainpay("swap-error", "PENDING", "WITHDRAWING", "ERROR"),
    _onchainpay("swap-terminal-conflict", "PROCESSED", "ERROR"),
    _calypso("payout-happy", "PAYOUT", "PAYOUT_CONFIRMED", "IN_PROGRESS", "PAYOUT_HASH_RECEIVED", "COMPLETED"),
    _calypso("payout-failed", "PAYOUT", "IN_PROGRESS", "FAILED"),
    _calypso("invoice-paid", "INVOICE", "INVOICE_CREATE_INVOICE", "INVOICE_MEMPOOL_FOUND", "INVOICE_PAID"),
    _calypso("invoice-expired", "INVOICE", "INVOICE_CREATE_INVOICE", "INVOICE_EXPIRED"),
    _calypso("fiat-deposit-funded", "FIAT_DEPOSIT", "FIAT_DEPOSIT_ORDER_CREATED", "FIAT_DEPOSIT_FIAT_FUNDS_RECEIVED"),
)


def bodies(scenario: Scenario, source: Source, chance: random.Random, now_s: int) -> Iterator[bytes]:
    """The bodies of one fresh operation; equal steps give equal bytes, as a redelivery would."""
    make = _MAKERS[scenario.provider, scenario.kind](source, chance, now_s)
    made: dict[str, bytes] = {}
    for step in scenario.steps:
        if step not in made:
            made[step] = json.dumps(make(step), ensure_ascii=False, separators=(",", ":")).encode()
        yield made[step]


Make = Callable[[str], dict[str, Any]]


def _fresh_id(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def _digits(chance: random.Random, whole_max: int, places: int) -> str:
    return f"{chance.randrange(1, whole_max)}.{chance.randrange(10**places):0{places}d}"


def _swap_side(source: Source, chance: random.Random, now_s: int) -> dict[str, Any]:
    number = chance.randrange(10_000, 100_000)
    return {
        "id": _fresh_id(chance),
        "meta": f"order-{number}",
        "localId": f"swap-{number}",
        "time": now_s * 1000 + chance.randrange(1000),
        "spendTicker": "USDT",
        "spendAmount": _digits(chance, 5000, 2),
        "merchantId": source.account,
    }


def _exchange(source: Source, chance: random.Random, now_s: int) -> Make:
    common = _swap_side(source, chance, now_s) | {
        "kind": "Exchange",
        "fee": "0.25",
        "targetTicker": "ETH",
        "targetAmount": _digits(chance, 3, 18),
        "price": "2000",
        "pricePair": ["ETH", "USDT"],
    }
    return lambda step: common | {"status": step} | _why(step)


def _crypto(source: Source, chance: random.Random, now_s: int) -> Make:
    common = _swap_side(source, chance, now_s) | {
        "kind": "CryptoExchangeWithdraw",
        "ticker": "BTC",
        "amount": _digits(chance, 2, 8),
        "fee": "0.0001",
        "exchangeFee": "1.5",
        "price": "60000",
        "pricePair": ["BTC", "USDT"],
        "blockchain": "BITCOIN",
        "internal": False,
        "address": "bc1qexampleexampleexampleexampleexamplexx",
    }
    return lambda step: common | _payout_step(step) | ({"hash": f"{common['id']:0>64}"} if step == "Done" else {})


def _fiat(source: Source, chance: random.Random, now_s: int) -> Make:
    amount = chance.randrange(10_000, 900_000)
    common = _swap_side(source, chance, now_s) | {
        "kind": "FiatExchangeWithdraw",
        "ticker": "KZT",
        "amount": str(amount),
        "fee": "2500",
        "exchangeFee": "0.6",
        "price": "410",
        "pricePair": ["USDT", "KZT"],
        "to": "4400000000000008",
    }
    failed = amount // 8
    paid: dict[str, dict[str, str]] = {
        "Done": {"paidAmount": str(amount), "failedAmount": "0", "paidFee": "2500", "failedFee": "0"},
        "Done:partial": {
            "paidAmount": str(amount - failed),
            "failedAmount": str(failed),
            "paidFee": "2155",
            "failedFee": "345",
        },
    }
    return lambda step: common | _payout_step(step) | paid.get(step, {})


def _payout_step(step: str) -> dict[str, Any]:
    word, _, variant = step.partition(":")
    return {"status": word, "exchanged": variant != "before"} | _why(word)


def _why(word: str) -> dict[str, str]:
    return {"failedReason": "Not enough liquidity"} if word == "Failed" else {}


def _auto_swap(source: Source, chance: random.Random, now_s: int) -> Make:
    spent, received = _digits(chance, 5000, 2), _digits(chance, 2, 8)
    common = {
        "id": _fresh_id(chance),
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


def _calypso_event(group: str) -> Callable[[Source, random.Random, int], Make]:
    def begin(source: Source, chance: random.Random, now_s: int) -> Make:
        del source
        number = chance.randrange(10_000, 100_000)
        common = {
            "idempotencyKey": _fresh_id(chance),
            "externalId": f"order-{number}",
            "parentExternalId": number,
            "amount": _digits(chance, 5000, 2),
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


_MAKERS: Mapping[tuple[str, str], Callable[[Source, random.Random, int], Make]] = {
    ("0xpay", "Exchange"): _exchange,
    ("0xpay", "CryptoExchangeWithdraw"): _crypto,
    ("0xpay", "FiatExchangeWithdraw"): _fiat,
    ("onchainpay", "auto-swap"): _auto_swap,
    **{("calypso", group): _calypso_event(group) for group in ("PAYOUT", "INVOICE", "FIAT_DEPOSIT")},
}
