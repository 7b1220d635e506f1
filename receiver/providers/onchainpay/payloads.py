"""OnchainPay's auto-swap, as its callback and ``auto-swaps/get`` give it: a flat object without an envelope.

From the provider's docs and SDKs. The callback's own section of the docs is not visible in any copy, so every field but
``id`` and ``status`` may be absent or null. Unknown fields are ignored.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from receiver.model.values import Amount, Rfc3339


class AutoSwap(BaseModel):
    """One auto-swap."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True, extra="ignore", strict=True)

    id: Annotated[str, Field(min_length=1, max_length=256)]
    status: str
    organization_id: str | None = None
    message: str | None = None
    address_risk_level: str | None = None
    currency_from: str | None = None
    network_from: str | None = None
    currency_to: str | None = None
    network_to: str | None = None
    amount_from: Amount | None = None
    amount_from_usd: Annotated[Amount | None, Field(alias="amountFromUSD")] = None
    amount_to: Amount | None = None
    amount_to_usd: Annotated[Amount | None, Field(alias="amountToUSD")] = None
    amount_to_receive: Amount | None = None
    rate: Amount | None = None
    blockchain_fee_from: Amount | None = None
    blockchain_fee_from_usd: Annotated[Amount | None, Field(alias="blockchainFeeFromUSD")] = None
    blockchain_fee_to: Amount | None = None
    blockchain_fee_to_usd: Annotated[Amount | None, Field(alias="blockchainFeeToUSD")] = None
    service_fee: Amount | None = None
    webhook_url: str | None = None
    webhook_id: str | None = None
    """In the SDKs' list of webhook fields, not in the docs; kept with the raw body."""
    created_at: Rfc3339 | None = None
    updated_at: Rfc3339 | None = None
