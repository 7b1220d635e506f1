"""Ask the running service how it is: for probes that run a command, where there is no client of HTTP.

A container's or a supervisor's probe starts it every few seconds, so it imports next to nothing: neither the settings'
model nor the library's HTTP client, which take longer to import than the question takes to answer.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

import orjson

from receiver.model.errors import ConfigurationError, ReceiverError
from receiver.service.config.file import ENV_PREFIX

ADMIN_HOST, ADMIN_PORT = "127.0.0.1", 8081
"""Where ``[admin]`` says nothing; a test holds them against the settings' own."""
EVERY_ADDRESS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  recognised, not listened on
"""Where to ask a service that listens on all addresses of its machine."""
ANSWER_BYTES_MAX = 65_536


def admin_address(document: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[str, int]:
    """Host and port of the admin listener: the file's tables, and the environment above them.

    Only the address is looked at: whether all the rest is sound is what ``receiver check`` says. Raises
    ``ConfigurationError`` where the address cannot be read.
    """
    table = document.get("admin", {})
    named = {name.upper(): value for name, value in environ.items()}
    try:
        table = {**table, **orjson.loads(named.get(f"{ENV_PREFIX}ADMIN", "{}"))}
        host = str(named.get(f"{ENV_PREFIX}ADMIN__HOST", table.get("host", ADMIN_HOST)))
        port = int(named.get(f"{ENV_PREFIX}ADMIN__PORT", table.get("port", ADMIN_PORT)))
    except (TypeError, ValueError):
        raise ConfigurationError(["admin: host and port cannot be read; see `receiver check`"]) from None
    return EVERY_ADDRESS.get(host, host), port


def ask(host: str, port: int, path: str, timeout_s: float) -> tuple[int, bytes]:
    """Status and body of one GET; raises ``ReceiverError`` with the reason where there is no answer."""
    try:
        with socket.create_connection((host, port), timeout=timeout_s) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nhost: receiver\r\nconnection: close\r\n\r\n".encode())
            answer = b""
            while len(answer) < ANSWER_BYTES_MAX and (read := connection.recv(ANSWER_BYTES_MAX)):
                answer += read
    except TimeoutError:
        raise ReceiverError(f"no answer from {host}:{port} within {timeout_s:g} s") from None
    except OSError as error:
        raise ReceiverError(f"no answer from {host}:{port}: {error.strerror or error}") from None
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(maxsplit=2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        raise ReceiverError(f"{host}:{port} answers, and not as an HTTP server does")
    return int(words[1]), body


def why_not_ready(body: bytes) -> str:
    """What ``/readyz`` says of the inbox, for one line; empty where it says nothing that can be read."""
    try:
        inbox = orjson.loads(body)["inbox"]
        return str(inbox.get("detail") or inbox["state"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
