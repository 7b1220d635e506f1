"""Sample operations of 0xpay, from its documented sequences and field tables; all of it is made up."""

from __future__ import annotations

from typing import Any

from receiver.providers.contract import Chance, MadeUp, Make, Samples, Scenario, Source
from receiver.providers.samples import digits, fresh_id


def _swap_side(source: Source, chance: Chance, now_s: int) -> dict[str, Any]:
    number = chance.randrange(10_000, 100_000)
    return {
        "id": fresh_id(chance),
        "meta": f"order-{number}",
        "localId": f"swap-{number}",
        "time": now_s * 1000 + chance.randrange(1000),
        "spendTicker": "USDT",
        "spendAmount": digits(chance, 5000, 2),
        "merchantId": source.account,
    }


def _exchange(source: Source, chance: Chance, now_s: int) -> Make:
    common = _swap_side(source, chance, now_s) | {
        "kind": "Exchange",
        "fee": "0.25",
        "targetTicker": "ETH",
        "targetAmount": digits(chance, 3, 18),
        "price": "2000",
        "pricePair": ["ETH", "USDT"],
    }
    return lambda step: common | {"status": step} | _why(step)


def _crypto(source: Source, chance: Chance, now_s: int) -> Make:
    common = _swap_side(source, chance, now_s) | {
        "kind": "CryptoExchangeWithdraw",
        "ticker": "BTC",
        "amount": digits(chance, 2, 8),
        "fee": "0.0001",
        "exchangeFee": "1.5",
        "price": "60000",
        "pricePair": ["BTC", "USDT"],
        "blockchain": "BITCOIN",
        "internal": False,
        "address": "bc1qexampleexampleexampleexampleexamplexx",
    }
    return lambda step: common | _payout_step(step) | ({"hash": f"{common['id']:0>64}"} if step == "Done" else {})


def _fiat(source: Source, chance: Chance, now_s: int) -> Make:
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


SCENARIOS = (
    Scenario("exchange-happy", _exchange, ("Done",)),
    Scenario("exchange-failed", _exchange, ("Failed",)),
    Scenario("exchange-withdraw-happy", _crypto, ("Exchanged", "Done")),
    Scenario("exchange-withdraw-fails-before-swap", _crypto, ("Failed:before",)),
    Scenario("exchange-withdraw-fails-after-swap", _crypto, ("Exchanged", "Failed:after")),
    Scenario("exchange-withdraw-first-repeated", _crypto, ("Exchanged", "Exchanged", "Done")),
    Scenario("exchange-withdraw-late-duplicate", _crypto, ("Exchanged", "Done", "Exchanged")),
    Scenario("fiat-withdraw-happy", _fiat, ("Exchanged", "Done")),
    Scenario("fiat-withdraw-partial", _fiat, ("Exchanged", "Done:partial")),
)
MADE_UP = MadeUp(
    {
        "name": "0xpay-main",
        "provider": "0xpay",
        "account": "3f0c9a52-6d1e-4b7a-9c58-21e4b7d0a6f3",
        "public_url": "https://merchant.example.com/webhooks/0xpay-main",
        "secrets": ["env:DEV_0XPAY_PRIVATE_KEY"],
    },
    {"DEV_0XPAY_PRIVATE_KEY": "made-up-0xpay-private-key"},
    in_dev=True,
)
SAMPLES = Samples(SCENARIOS, MADE_UP)
