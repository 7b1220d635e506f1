"""Where a journal on PostgreSQL is: ``journal.url`` taken apart and checked. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from receiver.journal.options import NO_OPTIONS, EngineOptions

SCHEME = "postgresql:"
SCHEMA_PATTERN = r"^[a-z_][a-z0-9_]{0,62}$"
PARAMETERS = frozenset({"sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslnegotiation", "host", "pooled"})
"""What may stand after the question mark; ``pooled`` is ours, the others libpq's."""

PORT_MAX = 65_535


@dataclass(frozen=True, slots=True)
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
        parts = urlsplit(url)
        given = dict(parse_qsl(parts.query))
        pooled = given.pop("pooled", "false") == "true"
        bare = urlunsplit(parts._replace(query=urlencode(given, safe="/")))
        return cls(bare, pooled, options)

    def with_options(self, options: EngineOptions) -> Address:
        """The same place, spoken to in another way."""
        return replace(self, options=options)

    @property
    def schema(self) -> str:
        """In which the tables are."""
        return self.options.schema


def why_no_address(url: str) -> str | None:
    """Why a text is no usable ``postgresql:`` URL, as a sentence; None where it is one. Never quotes a password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "is no URL"
    if parts.scheme != "postgresql" or not url.startswith("postgresql://"):
        return "must begin with postgresql://"
    if ":" in parts.netloc.rpartition("@")[0] or re.search(r"[?&]password=", url):
        return "has a password in it, which would stand in every listing: give it as journal.password"
    if not parts.path.strip("/"):
        return "names no database: postgresql://user@host/database"
    return _why_no_parameters(parts.query) or _why_no_hosts(parts.netloc.rpartition("@")[2])


def _why_no_parameters(query: str) -> str | None:
    given = dict(parse_qsl(query, keep_blank_values=True))
    unknown = sorted(given.keys() - PARAMETERS)
    if unknown:
        return f"has parameters that mean nothing here: {', '.join(unknown)}"
    if given.get("pooled", "false") not in {"true", "false"}:
        return "says of pooled neither true nor false"
    return None


def _why_no_hosts(hosts: str) -> str | None:
    # One or several, each with a port or without, as HOST,[::1]:5432.
    for host in hosts.split(","):
        port = host.rpartition("]")[2].partition(":")[2] or "5432"
        if not (port.isascii() and port.isdecimal() and len(port) <= len(str(PORT_MAX)) and 0 < int(port) <= PORT_MAX):
            return f"names a port that is none: {host}"
    return None
