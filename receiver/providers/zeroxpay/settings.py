"""0xpay's keys of ``[[sources]]``, and the source that ``receiver init`` writes for it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from receiver.providers.settings import CallbackUrl, Reference, SourceSettings


class ZeroxpaySettings(SourceSettings):
    """One merchant's notifications."""

    account: Annotated[str, Field(description="merchant id")]
    public_url: Annotated[CallbackUrl, Field(description="as registered at the provider: it is signed")]
    secrets: Annotated[list[Reference], Field(description="references to the live secrets; several while they rotate")]
    freshness_s: Annotated[
        int, Field(ge=1, le=86_400, description="s; how far a signed timestamp may be off, either way")
    ] = 300
    signed_url: Annotated[
        Literal["host_and_path", "path"], Field(description="what is signed of `public_url`; `path` adds path only")
    ] = "host_and_path"


TEMPLATE = """
[[sources]]
name = "0xpay-main"                       # its URL is /webhooks/0xpay-main
provider = "0xpay"
account = "00000000-0000-0000-0000-000000000000"               # your merchant id
public_url = "https://your-domain.example/webhooks/0xpay-main"   # exactly as in the merchant settings: it is signed
secrets = ["env:OXPAY_PRIVATE_KEY"]       # a list, so that it can rotate
"""
PLACEHOLDERS = {
    "account": "your merchant id, from the merchant settings",
    "public_url": "the Notifications URL of the merchant settings, letter for letter: it is part of what is signed",
}
