"""0xpay's notification bodies for the exchange kinds, as the provider sends them.

From its pages Crypto Callbacks, Fiat Callbacks and Exchange Callbacks and from its SDK 0.0.12, which differ: what one
of them requires the other may omit, so every field but ``id`` and ``status`` may be absent. Unknown fields are ignored.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from schemas.values import Amount, TimeMs

PricePair = Annotated[list[str], Field(min_length=2, max_length=2)]
OperationId = Annotated[str, Field(min_length=1, max_length=256)]


class Notification(BaseModel):
    """What all kinds share."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True, extra="ignore", strict=True)

    kind: str | None = None
    id: OperationId
    status: str
    local_id: str | None = None
    meta: str | None = None
    merchant_id: str | None = None
    time: TimeMs | None = None
    """When the operation was created, not when its status changed: it does not order statuses."""
    failed_reason: str | None = None
    fail_reason: str | None = None


class Exchange(Notification):
    """A swap between the merchant's own balances."""

    fee: Amount | None = None
    """In ``spendTicker`` and part of the spend."""
    target_ticker: str | None = None
    target_amount: Amount | None = None
    spend_ticker: str | None = None
    spend_amount: Amount | None = None
    price: Amount | None = None
    price_pair: PricePair | None = None


class ExchangeWithdraw(Notification):
    """A swap and then a payout, crypto or to a card; the docs give one table for both, the SDK two."""

    ticker: str | None = None
    """The payout's, as are ``amount`` and ``fee``."""
    amount: Amount | None = None
    fee: Amount | None = None
    exchange_fee: Amount | None = None
    spend_ticker: str | None = None
    spend_amount: Amount | None = None
    price: Amount | None = None
    price_pair: PricePair | None = None
    exchanged: bool | None = None
    """True once the swap went through: which side holds the money after a failure."""
    paid_amount: Amount | None = None
    failed_amount: Amount | None = None
    paid_fee: Amount | None = None
    failed_fee: Amount | None = None
    address: str | None = None
    to: str | None = None
    card_number: str | None = None
    blockchain: str | None = None
    hash: str | None = None
    internal: bool | None = None
    caused_by: str | None = None
