"""A running service is asked as a probe asks it, whatever stands at the address."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from receiver.model.errors import ConfigurationError, ReceiverError
from receiver.service.config.settings import AdminSettings
from receiver.service.health import ADMIN_HOST, ADMIN_PORT, admin_address, ask, why_not_ready


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """Give the port of a server that takes one connection and does ``answer`` with it."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(timeout=10)


@pytest.mark.parametrize(
    ("document", "environ", "address"),
    [
        ({}, {}, ("127.0.0.1", 8081)),
        ({"admin": {"port": 9}}, {}, ("127.0.0.1", 9)),
        ({"admin": {"host": "10.0.0.1", "port": 9}}, {"RECEIVER_ADMIN__PORT": "10"}, ("10.0.0.1", 10)),
        ({"admin": {"port": 9}}, {"RECEIVER_ADMIN": '{"port": 10}'}, ("127.0.0.1", 10)),
        ({"admin": {"port": 9}}, {"receiver_admin__host": "0.0.0.0"}, ("127.0.0.1", 9)),  # noqa: S104
        ({"admin": {"host": "::"}}, {}, ("::1", 8081)),
    ],
)
def test_the_address_is_the_services_own(
    document: dict[str, object], environ: dict[str, str], address: tuple[str, int]
) -> None:
    """The environment above the file; who listens everywhere is asked on loopback."""
    assert admin_address(document, environ) == address


def test_the_defaults_are_the_settings() -> None:
    """They are written twice, since reading the settings' model would take longer than the whole question."""
    settings = AdminSettings()
    assert (settings.host, settings.port) == (ADMIN_HOST, ADMIN_PORT)


@pytest.mark.parametrize(
    ("document", "environ"),
    [
        ({"admin": {"port": "x"}}, {}),
        ({"admin": 3}, {}),
        ({"admin": {"port": None}}, {}),
        ({}, {"RECEIVER_ADMIN": "{"}),
        ({}, {"RECEIVER_ADMIN": "7"}),
    ],
)
def test_an_address_that_cannot_be_read_is_said(document: dict[str, object], environ: dict[str, str]) -> None:
    """As one sentence about the key."""
    with pytest.raises(ConfigurationError, match="admin: host and port"):
        admin_address(document, environ)


def test_an_answer_in_pieces_is_read_whole() -> None:
    """Until the service closes the connection, as it was asked to."""

    def answer(connection: socket.socket) -> None:
        assert connection.recv(4096).startswith(b"GET /readyz HTTP/1.1\r\n")
        for piece in (b"HTTP/1.1 503 Servi", b"ce Unavailable\r\nx: y\r\n\r\n{", b"}"):
            connection.sendall(piece)

    with answering(answer) as port:
        assert ask("127.0.0.1", port, "/readyz", 5) == (503, b"{}")


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_somebody_else_at_the_address_is_no_service(answer: bytes) -> None:
    """Another program may have the port."""

    def say(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(answer)

    with answering(say) as port, pytest.raises(ReceiverError, match="not as an HTTP server"):
        ask("127.0.0.1", port, "/livez", 5)


def test_nobody_and_silence_are_told_apart() -> None:
    """A refused connection at once; a stalled process after the time that was given."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ReceiverError, match=r"within 0\.2 s"):
            ask("127.0.0.1", port, "/livez", 0.2)
    with pytest.raises(ReceiverError, match="refused"):
        ask("127.0.0.1", port, "/livez", 5)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"inbox": {"state": "down", "detail": "disk_full"}}', "disk_full"),
        (b'{"inbox": {"state": "down", "detail": null}}', "down"),
        (b"OK", ""),
        (b"[]", ""),
        (b'{"inbox": 1}', ""),
    ],
)
def test_why_it_is_not_ready(body: bytes, why: str) -> None:
    """What the inbox says of itself, and nothing where that cannot be read."""
    assert why_not_ready(body) == why
