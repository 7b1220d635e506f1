"""0xpay's notification bodies, as the provider sends them.

From its pages Crypto Callbacks, Fiat Callbacks and Exchange Callbacks and from its SDK 0.0.12, which differ: what one
of them requires the other may omit, so every field but ``id`` and ``status`` may be absent. Unknown fields are ignored.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from receiver.model.values import Amount, Number, TimeMs

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


Unread = Any
"""A field that is documented and that nothing of ours is made from: kept with the raw body, of whatever type."""


class Withdraw(Notification):
    """A payout: crypto where ``blockchain`` is present, else to a card. A batch has the parts' sums too."""

    ticker: str | None = None
    amount: Amount | None = None
    fee: Amount | None = None
    paid_amount: Amount | None = None
    failed_amount: Amount | None = None
    paid_fee: Amount | None = None
    failed_fee: Amount | None = None
    to: str | None = None
    card_number: str | None = None
    blockchain: str | None = None
    hash: str | None = None
    from_: Annotated[Unread, Field(alias="from")] = None
    block: Unread = None
    internal: Unread = None


class Replenish(Notification):
    """A deposit; without ``hash`` it is a transfer inside 0xpay."""

    ticker: str | None = None
    amount: Amount | None = None
    fee: Amount | None = None
    blockchain: str | None = None
    hash: str | None = None
    to: Unread = None
    from_: Annotated[Unread, Field(alias="from")] = None
    block: Unread = None
    internal: Unread = None
    withdraw_id: Unread = None


def code_text(value: object) -> object:
    """A code is documented as a number; as text it keeps what it was."""
    return value.text if isinstance(value, Number) else value


class InvoiceError(BaseModel):
    """Why an invoice failed."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    code: Annotated[str | None, BeforeValidator(code_text)] = None
    message: str | None = None


class Invoice(Notification):
    """A fiat invoice, or a crypto one: then ``blockchain`` and ``address`` are there. ``paidAmount`` is the truth."""

    ticker: str | None = None
    amount: Amount | None = None
    paid_amount: Amount | None = None
    fee: Amount | None = None
    blockchain: str | None = None
    price: Amount | None = None
    error: InvoiceError | None = None
    address: Unread = None
    card_number: Unread = None
    name: Unread = None
    description: Unread = None
    expired_at: Unread = None
    base_ticker: Unread = None
    base_amount: Unread = None
    paid_price: Unread = None
