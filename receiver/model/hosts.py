"""What a URL names, and which hosts are this machine. Pure: a name is not looked up."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit


def parts_of(url: str) -> SplitResult | None:
    """The parts of a URL; None for brackets around no address, and for a port that is none.

    The standard library raises ``ValueError`` for these, for the port only when it is asked for.
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  it is read only now
    except ValueError:
        return None
    return parts


def is_loopback(host: str) -> bool:
    """Whether a host, as a URL names it, is this machine: a loopback address, or ``localhost``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
