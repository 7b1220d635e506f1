"""0xpay: notifications about exchanges, payouts, deposits and invoices.

Its docs' pages Authorization, Processing WebHook Notifications, Crypto, Fiat and Exchange Callbacks, and its SDK source
0.0.12 at commit 3d33704, checked 2026-11.

Signature: lower-case hex of HMAC-SHA256, keyed with the merchant's private key as text (it looks like hex and is not
decoded), over ``POST`` + url + raw body + timestamp, without separators. The url is host, path and query without the
scheme, taken from our configuration: a proxy may rewrite what it likes. Another page's general rule reads as path only;
that reading is a second candidate behind a setting.

Redelivery: ten times after the first attempt, over 490 minutes; the next status of an operation is held until the one
before it got a success. The timestamp is renewed at each attempt.

Where its docs are wrong: the SDK's README signs without host and raw body and never verifies; the SDK's window of 5 s
without forward tolerance loses genuine callbacks, so 300 s either way is our default.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from exchange_events.status_event import Anomaly
from receiver.model import event_parts
from receiver.model.callback import Headers, RawCallback, VerifiedCallback, header_values
from receiver.model.cards import mask_card
from receiver.model.errors import NotUnderstood, Unauthorized
from receiver.model.frozen import dataclass
from receiver.model.masked_body import BodyFields
from receiver.model.operation import Facts, Kind, Step
from receiver.model.times import from_ms
from receiver.providers.contract import Claim, Provider, Source
from receiver.providers.parsing import (
    amount_fields,
    blank_to_none,
    check_account,
    check_status,
    known_fields,
    text_field,
    validate,
)
from receiver.providers.signing import check_freshness, digest, only_header, verify_digest
from receiver.providers.zeroxpay import payloads
from receiver.providers.zeroxpay.samples import SAMPLES
from receiver.providers.zeroxpay.settings import PLACEHOLDERS, TEMPLATE, ZeroxpaySettings

SLUG = "0xpay"

SIGNATURE = re.compile(rb"[0-9a-f]{64}")
"""Lower case only: the SDK compares exactly."""
TIMESTAMP = re.compile(rb"[1-9][0-9]{9}")
"""Unix seconds; the SDK's lenient cast also takes padding, ``.0`` and no number at all, which skips its time check."""

_FAILED = Step("failed", 2, terminal=True)
_DONE = Step("completed", 2, terminal=True)
_PENDING = Step("pending", 0)
_PENDING_DONE_FAILED = {"Pending": _PENDING, "Done": _DONE, "Failed": _FAILED}
_EXCHANGED = Step("exchanged", 1)
"""The swap is filled, the payout outstanding."""
_EXCHANGE_WITHDRAW = {"Exchanged": _EXCHANGED, "Done": _DONE, "Failed": _FAILED}

LIFECYCLES: Mapping[str, Kind] = {
    "Exchange": Kind(
        "exchange",
        "exchange",
        {
            "Done": _DONE,
            "Failed": _FAILED,
            # Not documented for this kind, but copied wording on the Exchange Callbacks page hints at both.
            "Pending": _PENDING,
            "Exchanged": _EXCHANGED,
        },
    ),
    "CryptoExchangeWithdraw": Kind("crypto_exchange_withdraw", "exchange", _EXCHANGE_WITHDRAW),
    "FiatExchangeWithdraw": Kind("fiat_exchange_withdraw", "exchange", _EXCHANGE_WITHDRAW),
    # One word for two operations: a `Done` here is money out, on a Replenish it is money in.
    "Withdraw with blockchain": Kind("crypto_withdraw", "payout", _PENDING_DONE_FAILED),
    "Withdraw": Kind("fiat_withdraw", "payout", _PENDING_DONE_FAILED),
    # Done only, even if parts of it failed.
    "WithdrawBatch": Kind("withdraw_batch", "payout", {"Done": _DONE}),
    "Replenish": Kind(
        "replenish",
        "deposit",
        {
            "Pending": _PENDING,
            # Final for crediting; the verdict of the AML check may still come.
            "Done": Step("completed", 1),
            "Verified": Step("verified", 2, terminal=True),
            "Failed": _FAILED,
        },
    ),
    "Invoice": Kind("fiat_invoice", "invoice", _PENDING_DONE_FAILED),
    # An older SDK had this word alone; the newer one has a word of its own for crypto invoices.
    "Invoice with blockchain or address": Kind("crypto_invoice", "invoice", _PENDING_DONE_FAILED),
    "CryptoInvoice": Kind(
        "crypto_invoice",
        "invoice",
        {"Pending": _PENDING, "Done": _DONE, "Expired": Step("expired", 2, terminal=True)},
    ),
}
"""By the provider's word; where the body decides between two kinds of one word, the word says how."""


def claim(headers: Headers, source: Source, now_s: int) -> Claim:
    """Check shape and freshness of ``signature`` and ``timestamp``; raises ``Unauthorized``."""
    signature = only_header(headers, b"signature", SIGNATURE)
    timestamp = only_header(headers, b"timestamp", TIMESTAMP)
    check_freshness(int(timestamp), now_s, source.freshness_s)
    return Claim(bytes.fromhex(signature.decode("ascii")), source.secrets, timestamp)


def verify(raw: RawCallback, claimed: Claim, source: Source) -> VerifiedCallback:
    """Check the digest over the raw bytes, then ``merchant-id`` where it is sent; raises ``Unauthorized``."""
    messages = [b"".join((b"POST", url, raw.body, claimed.timestamp)) for url in source.signed_urls]
    verified = verify_digest(raw, claimed.digest, claimed.secrets, messages, "sha256")
    # Unsigned and unconfirmed on callbacks, so it proves nothing; but another merchant's id is never ours.
    named = header_values(raw.headers, b"merchant-id")
    if named and any(value != (source.account or "").encode() for value in named):
        raise Unauthorized("merchant_id")
    return verified


def sign(body: bytes, source: Source, now_s: int) -> Headers:
    """Make the headers that the provider sends, with the first secret and the first reading of the url."""
    timestamp = str(now_s).encode()
    signature = digest(source.secrets[0], b"POST" + source.signed_urls[0] + body + timestamp, "sha256").hex()
    return ((b"signature", signature.encode()), (b"timestamp", timestamp))


def timestamp(headers: Headers) -> int | None:
    """The signed time, Unix s; None where there is none in the right shape."""
    values = header_values(headers, b"timestamp")
    return int(values[0]) if values and TIMESTAMP.fullmatch(values[0]) else None


def signed_urls(public_url: str, reading: str) -> tuple[bytes, ...]:
    """Give the url part of the signed message as text, best reading first.

    ``reading`` is the setting ``signed_url``: ``host_and_path`` is the configured URL without its scheme, exactly as it
    is written; ``path`` adds path and query alone as a second candidate.
    """
    whole = public_url.partition("://")[2].encode()
    if reading == "host_and_path":
        return (whole,)
    parts = urlsplit(public_url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return (whole, path.encode())


@dataclass(frozen=True, slots=True)
class Payload:
    """A body in its model, with the kind that it was taken for."""

    word: str
    """Of ``LIFECYCLES``."""
    body: Any
    anomalies: tuple[Anomaly, ...]


def parse(document: Mapping[str, Any], source: Source) -> Payload:
    """Read a notification; raises ``NotUnderstood``. Account, kind and status are found before the other fields."""
    check_account(document, "merchantId", source)
    word, anomalies = _kind_word(document)
    check_status(document, LIFECYCLES[word])
    return Payload(word, validate(_SHAPES[word].model, document), anomalies)


def _kind_word(document: Mapping[str, Any]) -> tuple[str, tuple[Anomaly, ...]]:
    word = text_field(document, "kind")
    if word is None and document.get("targetTicker") is not None and document.get("spendTicker") is not None:
        # The readable start of the documented Exchange table lists no kind.
        return "Exchange", ("kind_missing",)
    if word is None or word not in _WORDS:
        raise NotUnderstood("unknown_kind", "kind")
    if word == "Withdraw" and document.get("blockchain") is not None:
        return "Withdraw with blockchain", ()
    if word == "Invoice" and any(document.get(name) is not None for name in ("blockchain", "address")):
        return "Invoice with blockchain or address", ()
    return word, ()


def normalise(payload: Payload, source: Source) -> Facts:
    """Put a notification into our words."""
    body = payload.body
    money = _SHAPES[payload.word].money(body)
    partial = money.pop("partial", False) and body.status == "Done"
    said = money.pop("failure", None)
    return Facts(
        account=body.merchant_id if body.merchant_id is not None else source.account,
        kind=LIFECYCLES[payload.word],
        operation_id=body.id,
        provider_status=body.status,
        reference=blank_to_none(body.local_id),
        meta=blank_to_none(body.meta),
        failure=said or _reason(body) if body.status == "Failed" else None,
        created_at=None if body.time is None else from_ms(body.time),
        anomalies=("partial", *payload.anomalies) if partial else payload.anomalies,
        **money,
    )


def _reason(body: payloads.Notification) -> event_parts.EventPart:
    # Two spellings, on different pages and in the SDK; either on any kind.
    return event_parts.failure(None, blank_to_none(body.failed_reason) or blank_to_none(body.fail_reason))


def _amount(digits: str | None, currency: str | None, network: str | None = None) -> event_parts.EventPart | None:
    return None if digits is currency is network is None else event_parts.amount(digits, currency, network)


def _price(body: Any) -> event_parts.EventPart | None:
    # Verbatim: the docs' own examples disagree on the direction of the pair.
    return None if body.price is body.price_pair is None else event_parts.price(body.price, body.price_pair)


def _fees(*fees: tuple[str, str | None, str | None]) -> tuple[event_parts.EventPart, ...]:
    return tuple([event_parts.fee(kind, digits, currency) for kind, digits, currency in fees if digits is not None])


def _exchange_money(body: payloads.Exchange) -> dict[str, Any]:
    return {
        "spent": _amount(body.spend_amount, body.spend_ticker),
        "received": _amount(body.target_amount, body.target_ticker),
        "fees": _fees(("exchange", body.fee, body.spend_ticker)),
        "price": _price(body),
    }


def _exchange_withdraw_money(body: payloads.ExchangeWithdraw) -> dict[str, Any]:
    return {
        "spent": _amount(body.spend_amount, body.spend_ticker),
        "payout": _payout(body, body.blockchain, _destination(body)),
        "swapped": body.exchanged,
        "fees": _fees(
            ("payout", body.fee, body.ticker),
            ("exchange", body.exchange_fee, body.spend_ticker),
            ("payout_paid", body.paid_fee, body.ticker),
            ("payout_failed", body.failed_fee, body.ticker),
        ),
        "price": _price(body),
        "transaction_hash": blank_to_none(body.hash),
    }


def _fiat_exchange_withdraw_money(body: payloads.ExchangeWithdraw) -> dict[str, Any]:
    destination = _destination(body)
    masked = None if destination is None else mask_card(destination)
    # A batch of card payments under the hood: Done may hide failed parts, and paidAmount is what was really paid.
    return _exchange_withdraw_money(body) | {
        "payout": _payout(body, None, masked),
        "partial": _above_zero(body.failed_amount),
    }


def _crypto_withdraw_money(body: payloads.Withdraw) -> dict[str, Any]:
    payout = event_parts.payout(body.amount, body.ticker, body.blockchain, body.to or None, None, None)
    return {
        "payout": None if payout == _NO_PAYOUT else payout,
        "fees": _fees(("payout", body.fee, body.ticker)),
        "transaction_hash": blank_to_none(body.hash),
    }


def _fiat_withdraw_money(body: payloads.Withdraw) -> dict[str, Any]:
    card = body.to or body.card_number or None
    return {
        "payout": _payout(body, None, None if card is None else mask_card(card)),
        "fees": _fees(
            ("payout", body.fee, body.ticker),
            ("payout_paid", body.paid_fee, body.ticker),
            ("payout_failed", body.failed_fee, body.ticker),
        ),
        "partial": _above_zero(body.failed_amount),
    }


def _replenish_money(body: payloads.Replenish) -> dict[str, Any]:
    return {
        "received": _amount(body.amount, body.ticker, body.blockchain),
        "fees": _fees(("deposit", body.fee, body.ticker)),
        "transaction_hash": blank_to_none(body.hash),
    }


def _fiat_invoice_money(body: payloads.Invoice) -> dict[str, Any]:
    # What was paid is the truth, where it is said.
    return {
        "received": _amount(body.paid_amount if body.paid_amount is not None else body.amount, body.ticker),
        "fees": _fees(("invoice", body.fee, body.ticker)),
        "failure": body.error and event_parts.failure(body.error.code, blank_to_none(body.error.message)),
    }


def _crypto_invoice_money(body: payloads.Invoice) -> dict[str, Any]:
    paid = body.paid_amount if body.paid_amount is not None else body.amount
    return _fiat_invoice_money(body) | {
        "received": _amount(paid, body.ticker, body.blockchain),
        "price": None if body.price is None else event_parts.price(body.price, None),
    }


def _payout(body: Any, network: str | None, destination: str | None) -> event_parts.EventPart | None:
    payout = event_parts.payout(body.amount, body.ticker, network, destination, body.paid_amount, body.failed_amount)
    return None if payout == _NO_PAYOUT else payout


_NO_PAYOUT = event_parts.payout(None, None, None, None, None, None)


def _destination(body: Any) -> str | None:
    # Exchange Callbacks: `to` for both; the SDK: `address` for crypto, `to` for fiat; Fiat Callbacks: `cardNumber`.
    return body.address or body.to or body.card_number or None


def _above_zero(digits: str | None) -> bool:
    # By its digits: an exponent can be too large for any arithmetic.
    mantissa = (digits or "").lower().partition("e")[0]
    return not mantissa.startswith("-") and any(digit in "123456789" for digit in mantissa)


@dataclass(frozen=True, slots=True)
class _Shape:
    """How one kind's body is read and where its money is."""

    model: type[payloads.Notification]
    money: Callable[[Any], dict[str, Any]]


_SHAPES: Mapping[str, _Shape] = {
    "Exchange": _Shape(payloads.Exchange, _exchange_money),
    "CryptoExchangeWithdraw": _Shape(payloads.ExchangeWithdraw, _exchange_withdraw_money),
    "FiatExchangeWithdraw": _Shape(payloads.ExchangeWithdraw, _fiat_exchange_withdraw_money),
    "Withdraw with blockchain": _Shape(payloads.Withdraw, _crypto_withdraw_money),
    "Withdraw": _Shape(payloads.Withdraw, _fiat_withdraw_money),
    "WithdrawBatch": _Shape(payloads.Withdraw, _fiat_withdraw_money),
    "Replenish": _Shape(payloads.Replenish, _replenish_money),
    "Invoice": _Shape(payloads.Invoice, _fiat_invoice_money),
    "Invoice with blockchain or address": _Shape(payloads.Invoice, _crypto_invoice_money),
    "CryptoInvoice": _Shape(payloads.Invoice, _crypto_invoice_money),
}
_WORDS = frozenset(word.partition(" ")[0] for word in LIFECYCLES)
"""As a body can say them."""

PROVIDER = Provider(
    slug=SLUG,
    title="0xpay",
    settings=ZeroxpaySettings,
    template=TEMPLATE,
    placeholders=PLACEHOLDERS,
    claim=claim,
    verify=verify,
    sign=sign,
    parse=parse,
    normalise=normalise,
    kinds=LIFECYCLES,
    known_fields=frozenset().union(*(known_fields(shape.model) for shape in _SHAPES.values())),
    signature_headers=frozenset({b"signature"}),
    retries_s=(600, 1500, 2400, 3300, 3600, 3600, 3600, 3600, 3600, 3600),
    holds_order=True,
    registration="merchant settings, Notifications URL: exactly the source's public_url, on the merchant's domain",
    signature="`signature`: HMAC-SHA256 over method, URL, body and `timestamp`, hex; `freshness_s` either way",
    samples=SAMPLES,
    signed_urls=lambda settings: signed_urls(settings.public_url, settings.signed_url),
    timestamp=timestamp,
    replaced_headers=frozenset({b"merchant-id"}),
    public_headers=frozenset({b"timestamp", b"merchant-id"}),
    fields=BodyFields(
        ids=frozenset({"id"}),
        amounts=frozenset().union(*(amount_fields(shape.model) for shape in _SHAPES.values())),
        cards=frozenset({"cardNumber", "to", "address"}),
    ),
    refusals={"merchant_id": "the header merchant-id names another account"},
)
