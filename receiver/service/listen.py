"""Listening sockets: bound before anything starts, so that a taken address ends the start with a sentence."""

from __future__ import annotations

import os
import socket

from receiver.model.errors import ReceiverError

LISTEN_BACKLOG = 2048
"""Connections that wait to be accepted, while the intake process is being started again too."""


def listen(host: str, port: int, section: str) -> socket.socket:
    """Bind and listen; raises ``ReceiverError`` with address and key where it is taken, not ours or unknown."""
    place = f"cannot listen on {address(host, port)}, set by {section}.host and .port"
    why = unknown_host(host)
    if why:
        raise ReceiverError(f"{place}: {why}")
    try:
        listener = _bound(host, port)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise ReceiverError(f"{place}: {why}") from None
    listener.setblocking(False)  # noqa: FBT003  the standard library's own signature
    return listener


def address(host: str, port: int) -> str:
    """``host:port`` as it stands in a URL: an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def unknown_host(host: str) -> str | None:
    """Why there is no such host, None where there is one; a name is asked for where names are asked for."""
    if host.startswith("["):
        return "an IPv6 address stands without brackets here"
    try:
        _family(host)
    except OSError as error:
        return f"there is no such host ({error.strerror})"
    except ValueError:
        return "that is no name of a host"
    return None


def _family(host: str) -> socket.AddressFamily:
    if not host:
        return socket.AF_INET  # every address of this machine
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    # `localhost` has both: then the older one, as a proxy before it expects.
    return min((entry[0] for entry in found), key=lambda family: family != socket.AF_INET)


def _bound(host: str, port: int) -> socket.socket:
    listener = socket.socket(_family(host), socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(LISTEN_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
