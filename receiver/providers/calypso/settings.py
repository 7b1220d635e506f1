"""Calypso's keys of ``[[sources]]``, and the source that ``receiver init`` writes for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from receiver.providers.settings import CallbackUrl, KeyPair, PollSettings, SourceSettings


class CalypsoPoll(PollSettings):
    """How exchanges are asked for."""

    key: Annotated[KeyPair, Field(description="the API's key pair, which is not the subscription's")]
    page_size: Annotated[int, Field(ge=1, le=1000, description="operations on one page of a list")] = 100


class CalypsoSettings(SourceSettings):
    """The webhooks of one account, and its exchanges."""

    account: Annotated[str, Field(description="account")]
    public_url: Annotated[CallbackUrl | None, Field(description="as registered at the provider")] = None
    keys: Annotated[
        list[KeyPair], Field(description="key pairs of the subscription; required unless the source is only asked")
    ] = []  # noqa: RUF012  pydantic gives each its own
    poll: CalypsoPoll | None = None

    def faults(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """A source that is only asked needs no keys of callbacks: whoever calls it is refused."""
        if not self.keys and self.poll is None:
            yield self.required("keys")


TEMPLATE = """
[[sources]]
name = "calypso"                          # give https://<your host>/webhooks/calypso as url of the subscription
provider = "calypso"
account = "0x0000000000000000000000000000000000000000"         # your account
keys = [{ public = "env:CALYPSO_PUBLIC", secret = "env:CALYPSO_SECRET" }]   # of the subscription, not of the API

# No webhook tells of an exchange: ask, with the key pair of the API.
# [sources.poll]
# key = { public = "env:CALYPSO_API_KEY", secret = "env:CALYPSO_API_SECRET" }
"""
PLACEHOLDERS = {"account": "the address of your account at Calypso"}
