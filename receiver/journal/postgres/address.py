"""Where a journal on PostgreSQL is: ``journal.url`` taken apart and checked. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from receiver.journal.options import NO_OPTIONS, EngineOptions

SCHEME = "postgresql:"
SCHEMA_PATTERN = r"^[a-z_][a-z0-9_]{0,62}$"
PARAMETERS = frozenset({"sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslnegotiation", "host", "pooled"})
"""What may stand after the question mark; ``pooled`` is ours, the others libpq's."""

PORT_MAX = 65_535

_URL = re.compile(r"postgresql://(?:([^/?#]*)@)?([^/?#]*)([^?#]*)(?:\?([^#]*))?")
"""The standard library's own reading of URLs refuses lists in which a name stands before a bracket."""


class _Parts(NamedTuple):
    user: str
    hosts: str
    path: str
    query: str

    @classmethod
    def of(cls, url: str) -> _Parts | None:
        """None where it is no such URL."""
        found = _URL.fullmatch(url)
        return None if found is None else cls(*(part or "" for part in found.groups()))

    def with_host(self, host: str, given: dict[str, str]) -> str:
        """The URL of one host, with these parameters."""
        user = f"{self.user}@" if self.user else ""
        query = f"?{urlencode(given, safe='/')}" if given else ""
        return f"postgresql://{user}{host}{self.path}{query}"


@dataclass(frozen=True)
class Address:
    """A database, and how to speak to it."""

    url: str
    """For the driver: without our own parameters."""
    pooled: bool = False
    """Whether a pool stands between that gives each transaction another session."""
    options: EngineOptions = NO_OPTIONS

    @classmethod
    def of(cls, url: str, options: EngineOptions = NO_OPTIONS) -> Address:
        """Take a URL apart; raises ``ValueError`` with a sentence where it cannot be one."""
        why = why_no_address(url)
        if why is not None:
            raise ValueError(why)
        parts = _parts(url)
        given = dict(parse_qsl(parts.query))
        pooled = given.pop("pooled", "false") == "true"
        return cls(parts.with_host(parts.hosts, given), pooled, options)

    def with_options(self, options: EngineOptions) -> Address:
        """The same place, spoken to in another way."""
        return replace(self, options=options)

    @cached_property
    def hosts(self) -> tuple[tuple[str, str], ...]:
        """(a host as it was given, the URL with no other one), in their order; an empty name is the usual socket's."""
        parts = _parts(self.url)
        given = dict(parse_qsl(parts.query))
        if parts.hosts:
            return tuple((host, parts.with_host(host, given)) for host in parts.hosts.split(","))
        named = given.get("host", "").split(",")
        return tuple((host, parts.with_host("", given | ({"host": host} if host else {}))) for host in named)

    @property
    def schema(self) -> str:
        """In which the tables are."""
        return self.options.schema


def why_no_address(url: str) -> str | None:
    """Why a text is no usable ``postgresql:`` URL, as a sentence; None where it is one. Never quotes a password."""
    if not url.startswith("postgresql://"):
        return "must begin with postgresql://"
    parts = _Parts.of(url)
    if parts is None:
        return "is no URL"
    if ":" in parts.user or re.search(r"[?&]password=", url):
        return "has a password in it, which would stand in every listing: give it as journal.password"
    if not parts.path.strip("/"):
        return "names no database: postgresql://user@host/database"
    return _why_no_parameters(parts.query) or _why_no_hosts(parts.hosts)


def _parts(url: str) -> _Parts:
    found = _Parts.of(url)
    assert found is not None, "it was looked at before"  # noqa: S101
    return found


def _why_no_parameters(query: str) -> str | None:
    given = dict(parse_qsl(query, keep_blank_values=True))
    unknown = sorted(given.keys() - PARAMETERS)
    if "," in given.get("host", "") and not all(given["host"].split(",")):
        return f"names a host that has no name: {given['host']}"
    if unknown:
        return f"has parameters that mean nothing here: {', '.join(unknown)}"
    if given.get("pooled", "false") not in {"true", "false"}:
        return "says of pooled neither true nor false"
    return None


def _why_no_hosts(hosts: str) -> str | None:
    # One or several, each with a port or without, as HOST,[::1]:5432.
    for host in hosts.split(","):
        if not host and hosts:
            return f"names a host that has no name: {hosts}"
        port = host.rpartition("]")[2].partition(":")[2] or "5432"
        if not (port.isascii() and port.isdecimal() and len(port) <= len(str(PORT_MAX)) and 0 < int(port) <= PORT_MAX):
            return f"names a port that is none: {host}"
    return None
