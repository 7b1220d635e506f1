"""OnchainPay's keys of ``[[sources]]``, and the source that ``receiver init`` writes for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from receiver.providers.settings import CallbackUrl, KeyPair, PollSettings, SourceSettings


class OnchainpayPoll(PollSettings):
    """How auto-swaps are asked for."""

    key: Annotated[KeyPair | None, Field(description="the API's key pair; else the first of `keys`")] = None


class OnchainpaySettings(SourceSettings):
    """The callbacks of one organisation's auto-swaps."""

    account: Annotated[str | None, Field(description="organisation id")] = None
    public_url: Annotated[CallbackUrl | None, Field(description="as registered at the provider")] = None
    keys: Annotated[
        list[KeyPair], Field(description="key pairs of the API; required unless the source is only asked")
    ] = []  # noqa: RUF012  pydantic gives each its own
    poll: OnchainpayPoll | None = None

    def faults(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Callbacks and calls are signed with the same pairs: one of the two must have some."""
        if not self.keys and self.poll is None:
            yield self.required("keys")
        if not self.keys and self.poll is not None and self.poll.key is None:
            yield ("poll", "key"), "required where the source has no `keys`"


TEMPLATE = """
[[sources]]
name = "swaps"                            # give https://<your host>/webhooks/swaps as webhookUrl of auto-swaps/create
provider = "onchainpay"
keys = [{ public = "env:ONCHAINPAY_PUBLIC", secret = "env:ONCHAINPAY_SECRET" }]
# poll = {}                               # ask the API what became of open swaps; signed with the key pair above
# poll = { base_url = "https://app.apollopayment.io/api-gateway" }   # a white label
"""
