"""Calypso: webhooks about invoices, deposits and payouts. Its exchanges have none: they are asked for.

Its docs (docs.calypso.money, older docs.calypso.finance) and a public schema written from them, checked 2026-11.

Signature: header ``Sign`` is hex of HMAC-SHA512 over the raw body, keyed with the ``secretKey`` of the subscription
that ``Key`` names, as text; not with the API secret. No signed time: only the content protects against replay.

Redelivery: about twenty times over four days. More than 100 errors without a success within ten minutes block the
subscription, so what is genuine is answered 200 whatever it says.

Where its docs are silent: which events are statuses of which operation. Our reading is ``LIFECYCLES``, with the basis
of the rows that need one; their order follows the names, since no order of deliveries is promised. ``idempotencyKey``
is the operation's id, since it is the only one on every event of an invoice, a fiat deposit or a payout.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from receiver.model import event_parts
from receiver.model.errors import NotUnderstood
from receiver.model.frozen import dataclass
from receiver.model.masked_body import BodyFields
from receiver.model.operation import Facts, Kind, Step
from receiver.providers.calypso.api import API
from receiver.providers.calypso.payloads import Data, Webhook
from receiver.providers.calypso.samples import SAMPLES, with_unknown_status
from receiver.providers.calypso.settings import PLACEHOLDERS, TEMPLATE, CalypsoSettings
from receiver.providers.contract import Provider, Source
from receiver.providers.keyed_signature import KeyedSignature
from receiver.providers.parsing import amount_fields, blank_to_none, text_field, validate
from receiver.providers.parsing import known_fields as fields_of

SLUG = "calypso"

SIGNATURE = re.compile(rb"[0-9a-fA-F]{128}")
"""Samples are lower case; either case decodes to the same digest."""
WAY = KeyedSignature(b"key", b"sign", "sha512", SIGNATURE)

LIFECYCLES: Mapping[str, Kind] = {
    "INVOICE": Kind(
        "invoice",
        "invoice",
        {
            "INVOICE_CREATE_INVOICE": Step("pending", 0),
            # Of an invoice without end: an invoice begins with one of the two.
            "INVOICE_CREATE_UNLIMITED_INVOICE": Step("pending", 1),
            "INVOICE_MEMPOOL_FOUND": Step("processing", 2),  # seen on the chain, not confirmed
            "INVOICE_FUNDS_RECEIVED_FOR_INVOICE": Step("processing", 3),
            "INVOICE_PENDING_COMPLIANCE": Step("processing", 4),
            "INVOICE_COMPLIANCE_CHECK": Step("processing", 5),  # the other name seen for the row above
            "INVOICE_PENDING_INTERVENTION": Step("processing", 6),  # level WARNING: somebody must decide
            # The money is on the account; an unlimited invoice has nothing after it.
            "INVOICE_TRANSLATION_TO_ACCOUNT_COMPLETED": Step("completed", 7),
            "INVOICE_PAID": Step("completed", 8, terminal=True),
            "INVOICE_EXPIRED": Step("expired", 8, terminal=True),
            "INVOICE_COMPLIANCE_DECLINED": Step("rejected", 8, terminal=True),
        },
    ),
    "FIAT_DEPOSIT": Kind(
        "fiat_deposit",
        "deposit",
        {
            "FIAT_DEPOSIT_ORDER_CREATED": Step("pending", 0),
            "FIAT_DEPOSIT_ORDER_CONFIRM": Step("processing", 1),
            "FIAT_DEPOSIT_FIAT_FUNDS_RECEIVED": Step("completed", 2, terminal=True),
            "FIAT_DEPOSIT_ORDER_EXPIRED": Step("expired", 2, terminal=True),
            "FIAT_DEPOSIT_ORDER_FAILED": Step("failed", 2, terminal=True),
        },
    ),
    # One deposit to a customer's purse, by its transactionId. CUSTOMER_PURSE_EXPIRED has none: it is of the purse.
    "CUSTOMER_PURSE": Kind(
        "purse_deposit",
        "deposit",
        {
            "CUSTOMER_PURSE_MEM_POOL_FOUND": Step("pending", 0),
            "CUSTOMER_PURSE_PENDING_COMPLIANCE": Step("processing", 1),
            "CUSTOMER_PURSE_FUNDS_RECEIVED_FOR_PURSE": Step("processing", 2),
            "CUSTOMER_PURSE_TRANSLATION_TO_ACCOUNT_COMPLETED": Step("completed", 3, terminal=True),
            "CUSTOMER_PURSE_COMPLIANCE_DECLINED": Step("rejected", 3, terminal=True),
        },
    ),
    # The words of payoutStatus (from PAYOUT_CHANGE_STATUS), and the event types that say as much by themselves.
    "PAYOUT": Kind(
        "payout",
        "payout",
        {
            "CREATION_IN_PROGRESS": Step("pending", 0),
            "PENDING_CONFIRMATION": Step("pending", 1),
            "CONFIRMED": Step("processing", 2),
            "PAYOUT_CONFIRMED": Step("processing", 3),
            "IN_PROGRESS": Step("sending", 4),
            "PAYOUT_HASH_RECEIVED": Step("sending", 5),
            "COMPLETED": Step("completed", 6, terminal=True),
            "PARTIAL": Step("completed", 6, terminal=True),  # documented, its spelling assumed: with anomaly partial
            "FAILED": Step("failed", 6, terminal=True),
            "PAYOUT_VALIDATION_ERROR": Step("failed", 6, terminal=True),
            "CANCELED": Step("cancelled", 6, terminal=True),
        },
    ),
    # One deposit to the merchant's own wallet, by its transactionHash; from a third party's schema.
    "TOP_UP": Kind(
        "top_up",
        "deposit",
        {
            "TOP_UP_COMPLIANCE_CHECK": Step("processing", 0),
            "TOP_UP_COMPLIANCE_DECLINED": Step("rejected", 1, terminal=True),
            "WALLET_FUNDS_DELIVERED_ACCOUNT": Step("completed", 1, terminal=True),
        },
    ),
}
"""By group of event types."""

_PAYOUT_WORDS = frozenset(word for word in LIFECYCLES["PAYOUT"].statuses if not word.startswith("PAYOUT_"))
_CHANGE_STATUS = "PAYOUT_CHANGE_STATUS"
_GROUPS = {
    _CHANGE_STATUS: "PAYOUT",
    **{word: group for group, kind in LIFECYCLES.items() for word in kind.statuses if word not in _PAYOUT_WORDS},
}
"""Event type → group."""
ID_MAX = 256
_IDS = {"CUSTOMER_PURSE": "transactionId", "TOP_UP": "transactionHash"}


@dataclass(frozen=True, slots=True)
class Payload:
    """A webhook in its model, with the row that it was taken for."""

    group: str
    word: str
    operation_id: str
    webhook: Webhook


def parse(document: Mapping[str, Any], source: Source) -> Payload:
    """Read a webhook; raises ``NotUnderstood``. Kind and status are found before the other fields."""
    del source
    data = document.get("data")
    if not isinstance(data, dict):
        raise NotUnderstood("schema", "data")
    # The event type stands twice in the printed example and only in data in the field table.
    event_type = text_field(document, "eventType") or text_field(data, "type")
    if event_type is None or event_type not in _GROUPS:
        raise NotUnderstood("unknown_kind", "eventType")
    group = _GROUPS[event_type]
    word = event_type
    if event_type == _CHANGE_STATUS:
        said = text_field(data, "payoutStatus")
        if said is None:
            raise NotUnderstood("schema", "data.payoutStatus")
        if said not in _PAYOUT_WORDS:
            raise NotUnderstood("unknown_status", "data.payoutStatus")
        word = said
    webhook = validate(Webhook, document)
    return Payload(group, word, _operation_id(data, group), webhook)


def _operation_id(data: Mapping[str, Any], group: str) -> str:
    name = _IDS.get(group, "idempotencyKey")
    value = data.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= ID_MAX:
        raise NotUnderstood("schema", f"data.{name}")
    return value


def normalise(payload: Payload, source: Source) -> Facts:
    """Put a webhook into our words."""
    data, kind = payload.webhook.data, LIFECYCLES[payload.group]
    currency = data.currency if isinstance(data.currency, str) else None
    failed = kind.statuses[payload.word].status in {"failed", "rejected"}
    text = blank_to_none(data.message) or blank_to_none(data.description)
    fee = data.service_fee
    return Facts(
        account=source.account,
        kind=kind,
        operation_id=payload.operation_id,
        provider_status=payload.word,
        reference=blank_to_none(data.external_id),
        # Of an invoice the merchant's own text; of a failure the reason.
        meta=None if failed else text,
        received=None if payload.group == "PAYOUT" else _received(data, currency),
        payout=_payout(data, currency) if payload.group == "PAYOUT" else None,
        fees=() if fee is None else (event_parts.fee("service", fee, currency),),
        failure=event_parts.failure(blank_to_none(data.validation_status), text) if failed else None,
        transaction_hash=blank_to_none(data.transaction_hash) or blank_to_none(data.hash),
        created_at=data.created_date,
        updated_at=payload.webhook.created_date,
        anomalies=("partial",) if payload.word == "PARTIAL" else (),
    )


def _received(data: Data, currency: str | None) -> event_parts.EventPart | None:
    # What really came is the truth, where it is said.
    digits = data.real_amount if data.real_amount is not None else data.amount
    return None if digits is currency is None else event_parts.amount(digits, currency, None)


def _payout(data: Data, currency: str | None) -> event_parts.EventPart | None:
    return (
        None if data.amount is currency is None else event_parts.payout(data.amount, currency, None, None, None, None)
    )


PROVIDER = Provider(
    slug=SLUG,
    title="Calypso",
    settings=CalypsoSettings,
    template=TEMPLATE,
    placeholders=PLACEHOLDERS,
    claim=WAY.claim,
    verify=WAY.verify,
    sign=WAY.sign,
    parse=parse,
    normalise=normalise,
    kinds=LIFECYCLES,
    known_fields=fields_of(Webhook),
    signature_headers=frozenset({b"sign"}),
    public_headers=frozenset({b"key"}),
    fields=BodyFields(
        ids=frozenset(f"data.{name}" for name in ("idempotencyKey", *_IDS.values())),
        amounts=amount_fields(Data, "data."),
    ),
    retries_s=(30, 60, 90, 150, 240, 390, 630, 1020, 1650, 2670, 4320, 6990, 11310, 18300, 29610, 47910, 77520, 125430),
    holds_order=False,
    registration="`url` of `POST /api/v1/subscription/webhook/create`: the source's URL; its answer has the key pair",
    signature="`Sign`: HMAC-SHA512 over the body, hex; `Key` names the subscription's key pair",
    api=API,
    samples=SAMPLES,
    unknown_status=with_unknown_status,
)
