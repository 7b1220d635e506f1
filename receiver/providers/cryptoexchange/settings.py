"""CryptoExchange's keys of ``[[sources]]``: its API is described by whoever uses it. And the source of ``init``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from exchange_events.status_event import Status
from receiver.providers.settings import ApiUrl, PollSettings, Reference, SourceSettings

NEEDED = frozenset({"id", "status"})
AMOUNTS = ("spent_amount", "payout_amount")
TEXTS = ("spent_currency", "payout_currency", "payout_network", "payout_destination", "transaction_hash", "message")
TIMES = ("created_at", "updated_at")
FIELDS = frozenset({*NEEDED, *AMOUNTS, *TEXTS, *TIMES, "orders"})
"""What ``poll.fields`` may name; ``orders`` is where a list answer has its array."""


class OrderPoll(PollSettings):
    """An API that only its user can describe: paths, header, field names and status words."""

    base_url: Annotated[ApiUrl, Field(description="of the API")]
    secret: Annotated[Reference, Field(description="reference to what goes into `auth_header`")]
    order_path: Annotated[str, Field(pattern=r"^/.*\{id\}", description="path of one order, with `{id}` in it")]
    list_path: Annotated[
        str | None,
        Field(pattern=r"^/.*\{customer\}", description="path of one customer's orders, with `{customer}` in it"),
    ] = None
    customers: Annotated[list[str], Field(description="whose orders `list_path` is asked for")] = []  # noqa: RUF012  pydantic gives each its own
    method: Annotated[Literal["GET", "POST"], Field(description="of both calls")] = "GET"
    auth_header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$", description="header that holds `secret`")]
    fields: Annotated[
        dict[str, str], Field(description="our name → dotted path in an order; `id` and `status` are required")
    ]
    statuses: Annotated[dict[str, Status], Field(description="its status word → ours; any other word is quarantined")]

    def faults(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Names of fields are ours, and a list is of somebody's orders."""
        lacking = ", ".join(sorted(NEEDED - set(self.fields)))
        unknown = ", ".join(sorted(set(self.fields) - FIELDS))
        if lacking:
            yield ("fields",), f"lacks {lacking}"
        if unknown:
            yield ("fields",), f"no such name: {unknown}"
        if self.list_path is not None and not self.customers:
            yield ("customers",), "required with `list_path`"


class CryptoExchangeSettings(SourceSettings):
    """Orders that are only asked for."""

    account: Annotated[str | None, Field(description="whose orders they are")] = None
    poll: OrderPoll


TEMPLATE = """
[[sources]]
name = "orders"                           # no callback is known of it: it is only asked
provider = "cryptoexchange"

[sources.poll]                            # its documents name none of this: fill in what you were told
base_url = "https://api.example.com"
order_path = "/orders/{id}"
auth_header = "Authorization"
secret = "env:CRYPTOEXCHANGE_AUTHORIZATION"   # the header's whole value
fields = { id = "id", status = "status" }     # also spent_amount, payout_destination, …: docs/providers/reconcile.md
statuses = { pending = "pending", done = "completed", error = "failed" }   # any other word is quarantined
"""
PLACEHOLDERS = {"poll.base_url": "the URL of the API that you were given access to"}
