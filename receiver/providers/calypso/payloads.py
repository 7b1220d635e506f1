"""Calypso's webhooks, as the provider sends them: an envelope, and data that depends on the kind of event.

From the provider's webhook overview, its field tables and a public schema written from them, which differ; the event
list in its OpenAPI schema is cut off in every copy. So every field of ``data`` may be absent, and what the copies
disagree on (``fiatAmount``, a currency that is a number) is taken whatever its type.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from receiver.model.values import Amount

Unread = Any
"""A field that nothing of ours is made from: kept with the raw body, of whatever type."""
ZONELESS = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?")


def zoneless(value: object) -> str:
    """Give a time as RFC 3339 UTC that the provider writes without its zone; ``ValueError`` for anything else."""
    if not isinstance(value, str) or ZONELESS.fullmatch(value) is None:
        raise ValueError("no time without zone")
    datetime.fromisoformat(value.partition(".")[0])
    return f"{value}Z"


Zoneless = Annotated[str, BeforeValidator(zoneless)]
OperationId = Annotated[str, Field(min_length=1, max_length=256)]


class Data(BaseModel):
    """What an event is about; which fields there are depends on its type."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True, extra="ignore", strict=True)

    type: str | None = None
    idempotency_key: OperationId | None = None
    """The merchant's own UUID of the create call: on every event of an invoice, a fiat deposit, a payout."""
    transaction_id: Unread = None
    """Of a purse's deposit a UUID; on invoices a list."""
    transaction_hash: str | None = None
    hash: str | None = None
    external_id: str | None = None
    payout_status: str | None = None
    amount: Amount | None = None
    real_amount: Amount | None = None
    service_fee: Amount | None = None
    currency: Unread = None
    message: str | None = None
    description: str | None = None
    validation_status: str | None = None
    created_date: Zoneless | None = None
    parent_external_id: Unread = None
    transaction_ids: Unread = None
    transaction_state: Unread = None
    fiat_amount: Unread = None
    fiat_currency: Unread = None
    fiatcurrency: Unread = None
    payment_date: Unread = None
    expiration_date: Unread = None
    sender_address: Unread = None
    address: Unread = None
    approved: Unread = None
    customer_id: Unread = None
    customer_blocked: Unread = None
    purse_id: Unread = None
    deal_withdrawal_id: Unread = None


class Webhook(BaseModel):
    """The envelope."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True, extra="ignore", strict=True)

    request_id: Unread = None
    """Of the subscription, not of the delivery."""
    id: Unread = None
    created_date: Zoneless | None = None
    """When the event happened: it orders contents of one status."""
    level: Unread = None
    service: Unread = None
    event_type: str | None = None
    data: Data
