"""Listening sockets: bound before anything starts, so that a taken address ends the start with a sentence."""

from __future__ import annotations

import os
import socket

from receiver.model.errors import ReceiverError

LISTEN_BACKLOG = 2048
"""Connections that wait to be accepted, while the intake process is being started again too."""


def listen(host: str, port: int, section: str) -> socket.socket:
    """Bind and listen; raises ``ReceiverError`` with address and key where it is taken or not ours."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(LISTEN_BACKLOG)
    except OSError as error:
        listener.close()
        why = os.strerror(error.errno) if error.errno else str(error)
        raise ReceiverError(f"cannot listen on {host}:{port}, set by {section}.host and .port: {why}") from None
    listener.setblocking(False)  # noqa: FBT003  the standard library's own signature
    return listener
