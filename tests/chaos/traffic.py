"""Operations of both providers, as bodies to send and facts to expect; all from one random generator."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

ACCOUNT = "3f0c9a52-6d1e-4b7a-9c58-21e4b7d0a6f3"
ORGANISATION = "7991cb5e-42e7-4712-9cee-5c11980f861a"
OXPAY_SECRET = "made-up-oxpay-secret"
ONCHAIN_PUBLIC = "made-up-public"
ONCHAIN_SECRET = "made-up-onchain-secret"
PUBLIC_URL = "https://merchant.example.com/webhooks/0xpay-main"


@dataclass(frozen=True, slots=True)
class Callback:
    """One callback to deliver, and what the world must say of it once it was answered 200."""

    source: str
    key: str
    """The record's key on Kafka."""
    provider_status: str
    body: bytes
    facts: tuple[tuple[str, Any], ...]
    """(path in the event's JSON, value)."""

    @property
    def obligation(self) -> tuple[str, str, str]:
        """What must be on Kafka once: the operation, its status word, and the facts by digest of the body."""
        return self.key, self.provider_status, hashlib.sha256(self.body).hexdigest()

    def headers(self, now_s: int) -> dict[str, str]:
        """Sign as the provider does, anew at each attempt."""
        if self.source == "swaps":
            signature = hmac.new(ONCHAIN_SECRET.encode(), self.body, hashlib.sha256).hexdigest()
            return {"x-api-public-key": ONCHAIN_PUBLIC, "x-api-signature": signature}
        message = b"POST" + PUBLIC_URL.removeprefix("https://").encode() + self.body + str(now_s).encode()
        signature = hmac.new(OXPAY_SECRET.encode(), message, hashlib.sha256).hexdigest()
        return {"signature": signature, "timestamp": str(now_s)}


@dataclass(frozen=True, slots=True)
class Operation:
    """Callbacks of one operation in the order in which its provider would send them."""

    callbacks: tuple[Callback, ...]


def operations(chance: random.Random) -> Iterator[Operation]:
    """Endless fresh operations of both providers, one after the other as the dice fall."""
    makers = (_exchange, _exchange_withdraw, _auto_swap)
    while True:
        yield chance.choice(makers)(chance)


def _amount(chance: random.Random) -> str:
    return f"{chance.randrange(1, 10_000)}.{chance.randrange(10**18):018d}"


def _fresh_id(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def _oxpay(kind: str, our_kind: str, body: dict[str, Any]) -> Callback:
    raw = json.dumps(body, ensure_ascii=False).encode()
    key = f"0xpay:{ACCOUNT}:{our_kind}:{body['id']}"
    facts = (
        ("spent.amount", body["spendAmount"]),
        ("provider_status", body["status"]),
        ("kind", our_kind),
        ("meta", body["meta"]),
    )
    assert kind == body["kind"]
    return Callback("0xpay-main", key, body["status"], raw, facts)


def _exchange(chance: random.Random) -> Operation:
    status = chance.choice(("Done", "Done", "Done", "Failed"))
    body = {
        "kind": "Exchange",
        "id": _fresh_id(chance),
        "meta": f"order-{chance.randrange(10**6)} ✓",
        "status": status,
        "time": 1_716_800_123_456 + chance.randrange(10**9),
        "fee": "0.25",
        "targetTicker": "ETH",
        "targetAmount": _amount(chance),
        "spendTicker": "USDT",
        "spendAmount": _amount(chance),
        "price": "2000",
        "pricePair": ["ETH", "USDT"],
        "merchantId": ACCOUNT,
    }
    return Operation((_oxpay("Exchange", "exchange", body),))


def _exchange_withdraw(chance: random.Random) -> Operation:
    body: dict[str, Any] = {
        "kind": "CryptoExchangeWithdraw",
        "id": _fresh_id(chance),
        "ticker": "BTC",
        "amount": _amount(chance),
        "fee": "0.0001",
        "meta": f"payout-{chance.randrange(10**6)}",
        "time": 1_716_800_123_456 + chance.randrange(10**9),
        "exchangeFee": "1.5",
        "spendTicker": "USDT",
        "exchanged": True,
        "spendAmount": _amount(chance),
        "price": "60000",
        "pricePair": ["BTC", "USDT"],
        "blockchain": "BITCOIN",
        "address": "bc1qexampleexampleexampleexampleexamplexx",
        "merchantId": ACCOUNT,
    }
    words = chance.choice((("Exchanged", "Done"), ("Exchanged", "Done"), ("Exchanged", "Failed"), ("Failed",)))
    made = [_oxpay("CryptoExchangeWithdraw", "crypto_exchange_withdraw", body | {"status": word}) for word in words]
    return Operation(tuple(made))


def _auto_swap(chance: random.Random) -> Operation:
    swap_id, spent, received = _fresh_id(chance), _amount(chance), _amount(chance)
    words = chance.choice((("PENDING", "WITHDRAWING", "PROCESSED"), ("PENDING", "REJECTED"), ("PROCESSED",)))
    made = []
    for minute, word in enumerate(words):
        body = {
            "id": swap_id,
            "organizationId": ORGANISATION,
            "status": word,
            "message": None,
            "addressRiskLevel": "Low",
            "currencyFrom": "USDT",
            "networkFrom": "bsc",
            "currencyTo": "BTC",
            "networkTo": "bitcoin",
            "amountFrom": spent,
            "amountTo": received,
            "amountToReceive": received,
            "rate": "10000",
            "createdAt": "2025-06-09T13:18:29.413Z",
            "updatedAt": f"2025-06-09T13:{18 + minute}:29.413Z",
        }
        raw = json.dumps(body, separators=(",", ":")).encode()
        facts = (("spent.amount", spent), ("payout.amount", received), ("provider_status", word), ("kind", "auto_swap"))
        made.append(Callback("swaps", f"onchainpay:{ORGANISATION}:auto_swap:{swap_id}", word, raw, facts))
    return Operation(tuple(made))
