"""Who calls: one name for all that one caller can call from, and whose word is taken for it. Pure.

The address of a connection is the caller's, unless it is that of a trusted proxy: then the proxy says who called it, in
a PROXY protocol header (``proxy_header``) or in ``X-Forwarded-For``. Each proxy adds the address that it saw at the
right end of that field; whatever stands to the left of the first one that is no trusted proxy's was the caller's own to
invent.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
FORWARDED_FOR = b"x-forwarded-for"
HOPS_MAX = 16
"""Entries of ``X-Forwarded-For`` that are looked at, from the right; a chain of proxies has two or three."""
IPV6_PREFIX_BITS = 64
"""The smallest network that one IPv6 caller has for itself, and in which it can take any address."""


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks (``10.0.0.7``, ``10.0.0.0/8``, ``fd00::/8``).

    Raises ``ValueError`` with the place of a wrong one.
    """
    found = []
    for number, text in enumerate(texts, start=1):
        try:
            found.append(ip_network(text))
        except ValueError:  # its words quote the value
            raise ValueError(f"entry {number} is no address and no network, as 10.0.0.7 or 10.0.0.0/8") from None
    return tuple(found)


@lru_cache(maxsize=4096)
def peer_of(address: str) -> str:
    """The name under which an address is counted: an IPv4 address itself, of an IPv6 address its /64."""
    found = parse(address)
    if isinstance(found, IPv6Address):
        return str(IPv6Network((int(found) >> IPV6_PREFIX_BITS << IPV6_PREFIX_BITS, IPV6_PREFIX_BITS)))
    return str(found or address)


@lru_cache(maxsize=4096)
def is_within(address: str, trusted: tuple[Network, ...]) -> bool:
    """Whether an address is one of a list's; what is no address is none."""
    found = parse(address)
    return found is not None and any(found in network for network in trusted)


def forwarded_for(headers: Iterable[tuple[bytes, bytes]], trusted: tuple[Network, ...]) -> str | None:
    """The nearest address in ``X-Forwarded-For`` that is no trusted proxy's; None where there is none, or no address.

    ``headers``: names in lower case, in the order in which they came. Where all are trusted it is the farthest.
    """
    lines = [value for name, value in headers if name == FORWARDED_FOR]
    if not lines:
        return None
    nearest: str | None = None
    for entry in reversed(b",".join(lines).rsplit(b",", HOPS_MAX)[-HOPS_MAX:]):
        address = _without_port(entry.strip().decode("latin-1"))
        if parse(address) is None:
            break
        nearest = address
        if not is_within(address, trusted):
            break
    return nearest


@lru_cache(maxsize=4096)
def parse(address: str) -> IPv4Address | IPv6Address | None:
    """An address, None where it is none; an IPv4 address in IPv6's clothes (``::ffff:10.0.0.7``) is the former."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def _without_port(entry: str) -> str:
    # "10.0.0.7:1234", "[fd00::1]:1234" and "[fd00::1]", as some proxies write them.
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry
