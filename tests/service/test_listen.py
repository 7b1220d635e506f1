"""Listening: on IPv4 and IPv6, and a sentence where it cannot be."""

from __future__ import annotations

import socket

import pytest

from receiver.model.errors import ReceiverError
from receiver.service.listen import listen


def test_it_listens_and_does_not_block() -> None:
    """The event loop takes it as it is."""
    with listen("127.0.0.1", 0, "server") as listener:
        assert not listener.getblocking()
        with socket.create_connection(listener.getsockname()):
            pass


def test_an_address_that_is_taken_is_named_with_its_keys() -> None:
    """So that a person knows which line to change."""
    with listen("127.0.0.1", 0, "server") as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ReceiverError, match=rf"127\.0\.0\.1:{port}, set by admin\.host and \.port: .+ in use"):
            listen("127.0.0.1", port, "admin")
