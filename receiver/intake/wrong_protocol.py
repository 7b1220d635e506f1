"""What speaks to a plain HTTP/1.1 port and is something else, told by its first bytes. Pure."""

from __future__ import annotations

OPENING_BYTES = 16
"""As many as tell them apart; the longest, the signature of PROXY protocol version 2, has 12."""
OPENINGS = (
    (b"PROXY ", "proxy_protocol"),
    (b"\r\n\r\n\x00\r\nQUIT\n", "proxy_protocol"),
    (b"\x16", "tls"),
    (b"PRI * HTTP/2", "http2"),
)
"""Version 1 and 2 of the PROXY protocol (HAProxy's specification, 2.1 and 2.2), a TLS handshake record (RFC 8446, 5.1),
and the preface of HTTP/2 (RFC 9113, 3.4)."""
SHORTEST = 4
"""Bytes of an opening after which the parser may already have seen that it is no request: ``PROXY`` at its fourth."""


def name(opening: bytes) -> str:
    """Say what begins with ``opening``, the first bytes of a connection whose request the parser refused.

    The parser stops at the first byte that cannot be, so that a segment may end within an opening.
    """
    for start, why in OPENINGS:
        if opening.startswith(start) or (len(opening) >= SHORTEST and start.startswith(opening)):
            return why
    return "malformed"
