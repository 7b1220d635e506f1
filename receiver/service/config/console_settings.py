"""What stands in the table ``[console]``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from receiver.intake.peers import networks
from receiver.providers.settings import Reference, Section


class ConsoleSettings(Section):
    """The console: the journal in a browser. It needs the extra `console`."""

    enabled: Annotated[bool, Field(description="whether `serve` runs it, as a process of its own")] = False
    host: Annotated[
        str, Field(description="address; off loopback it needs a token, or a proxy that says who calls")
    ] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535, description="port")] = 8082
    base_path: Annotated[
        str,
        Field(
            pattern=r"^(/[A-Za-z0-9._~-]+)*$",
            description="what stands before every path behind a proxy, as `/receiver`; the proxy may leave it or not",
        ),
    ] = ""
    token: Annotated[
        Reference | None, Field(description="reference to a token, 16 characters or more, that lets its holder read")
    ] = None
    write: Annotated[bool, Field(description="whether anybody may redrive, close, reprocess and track there")] = False
    write_token: Annotated[
        Reference | None, Field(description="reference to another token, that lets its holder do that")
    ] = None
    hosts: Annotated[
        list[str],
        Field(description="names that browsers reach it by, beside loopback's: any other is refused (DNS rebinding)"),
    ] = []  # noqa: RUF012  pydantic gives each its own
    trust_user_header: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9-]*$",
            description="header in which a proxy that logs people in says who calls, as `X-Forwarded-User`",
        ),
    ] = ""
    trusted_proxies: Annotated[
        list[str], Field(description="addresses or networks (`10.0.0.0/8`) of the proxies that it is believed from")
    ] = []  # noqa: RUF012  pydantic gives each its own
    write_users: Annotated[list[str], Field(description="who of those may change things, where `write` is true")] = []  # noqa: RUF012  pydantic gives each its own

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, texts: list[str]) -> list[str]:
        networks(texts)
        return texts
