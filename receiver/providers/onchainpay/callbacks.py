"""OnchainPay, also sold as ApolloPayment: the callbacks of auto-swaps.

Its docs and official SDK sources, checked 2026-11.

Signature: ``x-api-signature`` is hex of HMAC-SHA256 over the raw body, keyed with the secret of the API key pair that
``x-api-public-key`` names; the secret is text (it looks like base64 and is not decoded). No timestamp, no nonce: only
the content protects against replay.

Redelivery: 6 times at 10 s, 5 at 30 min, 4 at 2 h, 3 at 12 h, until a 200. No order is promised.

Where its docs are silent: the auto-swap section of the webhooks page is not visible in any copy; the body is read as
the flat object that ``auto-swaps/get`` answers. A URL may be shared with auto-withdrawals, which have fields of their
own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from receiver.model import event_parts
from receiver.model.errors import NotUnderstood
from receiver.model.masked_body import BodyFields
from receiver.model.operation import Facts, Kind, Step
from receiver.providers.answers import usual_interval_s
from receiver.providers.contract import Api, Provider, Source
from receiver.providers.keyed_signature import KeyedSignature
from receiver.providers.onchainpay import api as onchainpay
from receiver.providers.onchainpay.payloads import AutoSwap
from receiver.providers.onchainpay.samples import SAMPLES
from receiver.providers.onchainpay.settings import TEMPLATE, OnchainpaySettings
from receiver.providers.parsing import amount_fields, blank_to_none, check_account, check_status, known_fields, validate

SLUG = "onchainpay"

SIGNATURE = re.compile(rb"[0-9a-fA-F]{64}")
"""The provider sends lower case; either case decodes to the same digest."""
WAY = KeyedSignature(b"x-api-public-key", b"x-api-signature", "sha256", SIGNATURE)

LIFECYCLES: Mapping[str, Kind] = {
    "auto-swap": Kind(
        "auto_swap",
        "exchange",
        {
            "PENDING": Step("pending", 0),
            "WITHDRAWING": Step("sending", 1),
            "PROCESSED": Step("completed", 2, terminal=True),
            "REJECTED": Step("rejected", 2, terminal=True),
            "ERROR": Step("failed", 2, terminal=True),
        },
    ),
}

WITHDRAWAL_FIELDS = (
    "addressFromId",
    "addressFrom",
    "addressTo",
    "blockchainFeeToSource",
    "txId",
    "approveUrl",
    "approveResult",
    "requestedClientId",
    "requestedCurrency",
    "requestedAmount",
)
"""Of an auto-withdrawal and not of a swap; ``type`` is left out, as too common a word to tell them apart."""


def parse(document: Mapping[str, Any], source: Source) -> AutoSwap:
    """Read an auto-swap; raises ``NotUnderstood``. Account, kind and status are found before the other fields."""
    check_account(document, "organizationId", source)
    foreign = next((name for name in WITHDRAWAL_FIELDS if document.get(name) is not None), None)
    if foreign is not None:
        raise NotUnderstood("unknown_kind", foreign)
    check_status(document, LIFECYCLES["auto-swap"])
    return validate(AutoSwap, document)


def normalise(payload: AutoSwap, source: Source) -> Facts:
    """Put an auto-swap into our words."""
    failed = payload.status in {"REJECTED", "ERROR"}
    return Facts(
        account=payload.organization_id if payload.organization_id is not None else source.account,
        kind=LIFECYCLES["auto-swap"],
        operation_id=payload.id,
        provider_status=payload.status,
        spent=_amount(payload.amount_from, payload.currency_from, payload.network_from),
        received=_amount(payload.amount_to, payload.currency_to, payload.network_to),
        payout=_payout(payload),
        fees=_fees(payload),
        price=None if payload.rate is None else event_parts.price(payload.rate, None),
        usd=_usd(payload),
        risk=payload.address_risk_level.lower() if payload.address_risk_level else None,
        failure=event_parts.failure(None, blank_to_none(payload.message)) if failed else None,
        created_at=payload.created_at,
        updated_at=payload.updated_at,
    )


def _amount(digits: str | None, currency: str | None, network: str | None) -> event_parts.EventPart | None:
    return None if digits is currency is network is None else event_parts.amount(digits, currency, network)


def _payout(payload: AutoSwap) -> event_parts.EventPart | None:
    # Where it is sent is not in the callback.
    if payload.amount_to_receive is payload.currency_to is payload.network_to is None:
        return None
    return event_parts.payout(payload.amount_to_receive, payload.currency_to, payload.network_to, None, None, None)


def _fees(payload: AutoSwap) -> tuple[event_parts.EventPart, ...]:
    # The docs name no currency for any of them.
    fees = (
        ("network_in", payload.blockchain_fee_from),
        ("network_out", payload.blockchain_fee_to),
        ("service", payload.service_fee),
    )
    return tuple(event_parts.fee(kind, digits, None) for kind, digits in fees if digits is not None)


def _usd(payload: AutoSwap) -> event_parts.EventPart | None:
    usd = event_parts.usd(
        payload.amount_from_usd, payload.amount_to_usd, payload.blockchain_fee_from_usd, payload.blockchain_fee_to_usd
    )
    return None if usd == event_parts.usd(None, None, None, None) else usd


AUTO_SWAP = LIFECYCLES["auto-swap"]
API = Api(
    kinds=LIFECYCLES,
    kinds_of=lambda _: LIFECYCLES,
    base_url=onchainpay.BASE_URL,
    asks="each open swap by its id: 1 min in the first hour, 10 min up to 48 h, then hourly; terminal, odd ones once",
    operation_id=onchainpay.OPERATION_ID,
    get=onchainpay.get,
    read=lambda answer, operation_id, _: onchainpay.read(answer, operation_id, AUTO_SWAP),
    parse=parse,
    normalise=normalise,
    known_fields=lambda _: known_fields(AutoSwap),
    interval_s=usual_interval_s,
    hint=onchainpay.hint,
)

PROVIDER = Provider(
    slug=SLUG,
    title="OnchainPay (ApolloPayment)",
    settings=OnchainpaySettings,
    template=TEMPLATE,
    claim=WAY.claim,
    verify=WAY.verify,
    sign=WAY.sign,
    parse=parse,
    normalise=normalise,
    kinds=LIFECYCLES,
    known_fields=known_fields(AutoSwap),
    signature_headers=frozenset({b"x-api-signature"}),
    public_headers=frozenset({b"x-api-public-key"}),
    fields=BodyFields(ids=frozenset({"id"}), amounts=amount_fields(AutoSwap)),
    retries_s=(10,) * 6 + (1800,) * 5 + (7200,) * 4 + (43200,) * 3,
    holds_order=False,
    registration="`webhookUrl` of each `auto-swaps/create` call: the source's URL",
    signature="`x-api-signature`: HMAC-SHA256 over the body, hex; `x-api-public-key` names the API key pair",
    api=API,
    samples=SAMPLES,
)
