"""The settings of sources and routes: who calls, with what secrets, how its API is asked, and where events go."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from receiver.publish.routing import MATCHABLE, Rule, splits_operations
from schemas.status_event import Status

SOURCE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
Reference = Annotated[str, Field(pattern=r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$")]


class Section(BaseModel):
    """A table of the file: a key that is not listed is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class KeyPair(Section):
    """One key pair of a provider that names its key in a header."""

    public: Annotated[Reference, Field(description="reference to the public key")]
    secret: Annotated[Reference, Field(description="reference to its secret; two pairs may share a public key")]


class PollSettings(Section):
    """How a provider's API is asked; without this table it is not."""

    enabled: Annotated[
        bool, Field(description="whether `serve` asks by itself; `receiver reconcile once` asks all the same")
    ] = True
    base_url: Annotated[
        str | None, Field(description="of the API; else the provider's own; a white label has another")
    ] = None
    key: Annotated[
        KeyPair | None,
        Field(description="the API's key pair; required for Calypso; OnchainPay: else the first of `keys`"),
    ] = None
    secret: Annotated[Reference | None, Field(description="reference to what goes into `auth_header`")] = None
    every_s: Annotated[
        int, Field(ge=1, le=86_400, description="s; between two readings of a list of open operations")
    ] = 60
    requests_per_s: Annotated[
        float, Field(gt=0, le=100, description="calls a second at most; no provider documents a limit")
    ] = 5.0
    timeout_s: Annotated[float, Field(ge=0.1, le=120, description="s; for one call, whole")] = 10.0
    overdue_s: Annotated[
        int, Field(ge=60, le=31_536_000, description="s; an operation open for longer is overdue: listed and counted")
    ] = 172_800
    page_size: Annotated[int, Field(ge=1, le=1000, description="operations on one page of a list")] = 100
    order_path: Annotated[str | None, Field(pattern=r"^/.*\{id\}", description="CryptoExchange: path of one order")] = (
        None
    )
    list_path: Annotated[
        str | None, Field(pattern=r"^/.*\{customer\}", description="CryptoExchange: path of one customer's orders")
    ] = None
    customers: Annotated[list[str], Field(description="CryptoExchange: whose orders `list_path` is asked for")] = []
    method: Annotated[Literal["GET", "POST"], Field(description="CryptoExchange: of both calls")] = "GET"
    auth_header: Annotated[
        str | None, Field(pattern=r"^[A-Za-z0-9-]+$", description="CryptoExchange: header that holds `secret`")
    ] = None
    fields: Annotated[
        dict[str, str],
        Field(description="CryptoExchange: our name → dotted path in an order; `id` and `status` are required"),
    ] = {}
    statuses: Annotated[
        dict[str, Status], Field(description="CryptoExchange: its status word → ours; any other word is quarantined")
    ] = {}

    @field_validator("base_url")
    @classmethod
    def _base_url(cls, url: str | None) -> str | None:
        if url is None:
            return None
        if re.fullmatch(r"https?://[^/\s?#]+(/[^\s?#]*)?", url) is None:
            raise ValueError("must be an https URL without query")
        if url.startswith("http://") and not _loopback(urlsplit(url).hostname or ""):
            raise ValueError("must be https: only an API on this machine may be asked without TLS")
        return url.rstrip("/")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class SourceSettings(Section):
    """One URL of ours that one provider calls."""

    name: Annotated[str, Field(description="its URL is `/webhooks/<name>`; `[a-z0-9][a-z0-9._-]{0,62}`")]
    provider: Annotated[str, Field(description="`0xpay`, `onchainpay`, `calypso` or `cryptoexchange`")]
    account: Annotated[str | None, Field(description="merchant or organisation id; required for 0xpay and Calypso")] = (
        None
    )
    public_url: Annotated[str | None, Field(description="as registered at the provider; 0xpay signs it")] = None
    secrets: Annotated[
        list[Reference], Field(description="references to the live secrets; several while they rotate")
    ] = []
    keys: Annotated[list[KeyPair], Field(description="key pairs, for OnchainPay and Calypso")] = []
    retired_secrets: Annotated[
        list[Reference],
        Field(description="references to secrets that are live no more: only `rejects explain` tries them"),
    ] = []
    silence_warn_s: Annotated[
        int,
        Field(
            ge=60, le=31_536_000, description="s; a source that spoke before and is silent for longer warns in the log"
        ),
    ] = 86_400
    freshness_s: Annotated[
        int, Field(ge=1, le=86_400, description="s; how far a signed timestamp may be off, either way")
    ] = 300
    signed_url: Annotated[
        Literal["host_and_path", "path"], Field(description="what 0xpay signs of `public_url`; `path` adds path only")
    ] = "host_and_path"

    poll: PollSettings | None = None

    @field_validator("name")
    @classmethod
    def _name(cls, name: str) -> str:
        if SOURCE_NAME.fullmatch(name) is None:
            raise ValueError(f"must match {SOURCE_NAME.pattern}")
        return name

    @field_validator("public_url")
    @classmethod
    def _public_url(cls, url: str | None) -> str | None:
        if url is not None and re.fullmatch(r"https?://[^/\s?#]+(/[^\s#]*)?(\?[^\s#]*)?", url) is None:
            raise ValueError("must be an http(s) URL without fragment, exactly as registered at the provider")
        return url


class RouteSettings(Section):
    """Where events go that match; the first match wins."""

    match: Annotated[dict[str, str], Field(min_length=1, description="provider, source, account, family, kind, status")]
    topic: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$", description="taken as written, without the prefix")]
    also: Annotated[bool, Field(description="a copy in the same transaction; the default stays")] = False

    @model_validator(mode="after")
    def _sound(self) -> RouteSettings:
        unknown = sorted(set(self.match) - MATCHABLE)
        if unknown:
            raise ValueError(f"match knows {', '.join(sorted(MATCHABLE))}, not {', '.join(unknown)}")
        if splits_operations(self.rule):
            raise ValueError(
                "a route by status would split an operation over topics and break its order: set also = true"
            )
        return self

    @property
    def rule(self) -> Rule:
        """As the relay uses it."""
        return Rule(self.match, self.topic, self.also)
