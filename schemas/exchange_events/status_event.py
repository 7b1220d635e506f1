"""StatusEvent v1: the one vocabulary in which every provider's news is published.

Amounts are decimal strings exactly as the provider wrote them, digit for digit; times are RFC 3339 in UTC. Every key
is always present in the JSON: null or an empty list where the provider said nothing. The parts are frozen dataclasses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_ID = "urn:exchange-webhook-receiver:status_event:v1"

Status = Literal[
    "pending",
    "processing",
    "exchanged",
    "sending",
    "completed",
    "verified",
    "failed",
    "rejected",
    "expired",
    "cancelled",
]
Family = Literal["exchange", "payout", "deposit", "invoice"]
Anomaly = Literal["late", "conflict", "amended", "partial", "kind_missing"]
ObservedVia = Literal["webhook", "poll"]

DecimalText = Annotated[
    str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$", examples=["0.100000000000000000"])
]
"""A decimal number as text. Parse it with ``decimal.Decimal``; a float loses digits."""
Timestamp = Annotated[
    str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$", examples=["2024-05-27T08:55:23.456Z"])
]
"""RFC 3339, UTC, always with ``Z``."""


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount of one currency; ``network`` is the blockchain's name as the provider writes it."""

    amount: DecimalText | None
    currency: str | None
    network: str | None


@dataclass(frozen=True, slots=True)
class Payout:
    """What is sent to the beneficiary; card numbers in ``destination`` are masked. ``paid`` is what really was paid."""

    amount: DecimalText | None
    currency: str | None
    network: str | None
    destination: str | None
    paid: DecimalText | None
    failed: DecimalText | None


@dataclass(frozen=True, slots=True)
class Fee:
    """One fee; ``currency`` is null where the provider does not say."""

    kind: str
    amount: DecimalText
    currency: str | None


@dataclass(frozen=True, slots=True)
class Price:
    """The price and its pair as sent; providers disagree on the direction, so nothing is derived from it."""

    value: DecimalText | None
    pair: list[str] | None


@dataclass(frozen=True, slots=True)
class Usd:
    """The provider's own valuation in US dollars."""

    spent: DecimalText | None
    received: DecimalText | None
    network_in: DecimalText | None
    network_out: DecimalText | None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why it failed or was rejected, as far as the provider says."""

    code: str | None
    message: str | None


class StatusEvent(BaseModel):
    """One status of one operation, in its place in that operation's order."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: Literal["1"]
    event_id: Annotated[
        str, Field(pattern=r"^[0-9a-f-]{36}$", description="UUIDv5 of the identity: equal for equal news")
    ]
    provider: str
    source: str
    account: Annotated[str | None, Field(description="merchant or organisation id at the provider")]
    family: Family
    kind: Annotated[str, Field(description="the provider's kind of operation, snake case")]
    operation_id: Annotated[str, Field(min_length=1, max_length=256, description="the provider's id")]
    reference: Annotated[str | None, Field(description="the merchant's own id, where given")]
    meta: Annotated[str | None, Field(description="the merchant's own text, where given")]
    status: Status
    provider_status: Annotated[str, Field(description="the provider's own word")]
    terminal: Annotated[bool, Field(description="no further status is expected")]
    sequence: Annotated[int, Field(ge=1, description="1, 2, 3 … per operation, without gaps")]
    revision: Annotated[int, Field(ge=1, description="1, 2 … per status word: more than 1 when its facts changed")]
    effective: Annotated[bool, Field(description="whether this is the operation's state now")]
    anomalies: list[Anomaly]
    spent: Amount | None
    received: Amount | None
    payout: Payout | None
    fees: list[Fee]
    price: Price | None
    usd: Usd | None
    swapped: Annotated[
        bool | None, Field(description="whether the swap itself went through: who holds the money after a failure")
    ]
    risk: Annotated[str | None, Field(description="the provider's risk word, lower case")]
    failure: Failure | None
    transaction_hash: str | None
    created_at: Timestamp | None
    updated_at: Timestamp | None
    received_at: Timestamp
    observed_via: ObservedVia
