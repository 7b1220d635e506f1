"""Variables that nobody set: what Kubernetes and Docker tell a container of the services beside it.

A Kubernetes Service named ``receiver`` puts ``RECEIVER_SERVICE_HOST``, ``RECEIVER_PORT=tcp://10.0.0.1:8080`` and more
into every container of its namespace, ours too; one named ``receiver-admin`` begins with ``RECEIVER_ADMIN_``. Docker's
links do the same, and add the other container's name and environment. They are told from a mistyped setting by their
values as much as by their names.
Sources: Kubernetes, "Discovering services", environment variables; Docker, "Legacy container links". Looked up 2026-11.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping

PREFIX = "RECEIVER"
_NAME = rf"({PREFIX}(?:_+[A-Z0-9]+)*?)"
_PORT_OF = re.compile(_NAME + r"_PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:ADDR|PROTO|(?:PORT_)?(?:START|END)|PORT))?")
"""So long a name is no typing error, whatever the value."""
_URL = re.compile(r"(?:tcp|udp|sctp)://\S+")
_CONTAINER = re.compile(r"/[\w.-]+/[\w.-]+")


def service_links(environ: Mapping[str, str]) -> list[str]:
    """The names of all variables that are links to a service whose name begins with ours, sorted."""
    proven = {name: match[1] for name, value in environ.items() if (match := _proof(name, value))}
    beside = [rf"{link}_SERVICE_PORT(_[A-Z0-9_]+)?" for link in proven.values()]
    beside += [rf"{link}_ENV_\w+" for name, link in proven.items() if name == f"{link}_NAME"]
    return sorted({*proven, *(name for name in environ if any(re.fullmatch(one, name) for one in beside))})


def _proof(name: str, value: str) -> re.Match[str] | None:
    # Of each link one variable at least says by its value what it is: an address, a URL of the transport, a container.
    for suffix, holds in _PROOFS.items():
        match = re.fullmatch(rf"{_NAME}_{suffix}", name)
        if match and holds(value):
            return match
    return _PORT_OF.fullmatch(name)


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


_PROOFS: Mapping[str, Callable[[str], bool]] = {
    "SERVICE_HOST": _is_address,
    "PORT": lambda value: _URL.fullmatch(value) is not None,
    "NAME": lambda value: _CONTAINER.fullmatch(value) is not None,
}
