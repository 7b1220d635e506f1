"""Other protocols, told by their first bytes."""

from __future__ import annotations

import pytest

from receiver.intake.wrong_protocol import OPENING_BYTES, OPENINGS, name


@pytest.mark.parametrize(
    ("opening", "why"),
    [
        (b"PROXY TCP4 192.0.2.1", "proxy_protocol"),
        (b"PROXY UNKNOWN\r\n", "proxy_protocol"),
        (b"PROX", "proxy_protocol"),
        (b"\r\n\r\n\x00\r\nQUIT\n\x21\x11", "proxy_protocol"),
        (b"\r\n\r\n\x00", "proxy_protocol"),
        (b"\x16\x03\x01", "tls"),
        (b"\x16", "tls"),
        (b"PRI * HTTP/2.0\r\n", "http2"),
        (b"PRI * HTTP/1.1\r\n", "malformed"),
        (b"PROPFIND / HTTP/", "malformed"),
        (b"POST /webhooks/x", "malformed"),
        (b"P", "malformed"),
        (b"\r\n\r\n\r\n", "malformed"),
        (b"", "malformed"),
    ],
)
def test_first_bytes_tell_the_protocol(opening: bytes, why: str) -> None:
    """As whole as they come; the parser stops at the first byte that cannot be."""
    assert name(opening[:OPENING_BYTES]) == why


def test_as_many_bytes_are_kept_as_the_longest_needs() -> None:
    """A longer opening would never be told."""
    assert max(len(start) for start, _ in OPENINGS) <= OPENING_BYTES
