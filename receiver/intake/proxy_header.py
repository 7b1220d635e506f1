"""The PROXY protocol's header, version 1 and 2 (HAProxy's specification, 2.1 and 2.2), read from a trusted proxy. Pure.

It stands once, at the beginning of a connection, and says who opened it. A connection without one is as good: a health
check of the proxy's own has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from receiver.intake.peers import parse

START_1 = b"PROXY "
START_2 = b"\r\n\r\n\x00\r\nQUIT\n"
LINE_BYTES_MAX = 107
"""Of version 1, with its CRLF."""
FIXED_BYTES = 16
"""Of version 2: signature, version and command, family, length."""
REST_BYTES_MAX = 4096
"""Of version 2: addresses and what proxies add to them, certificates' names at the longest."""
LOCAL, PROXY = 0x20, 0x21
TCP_4, TCP_6 = 0x11, 0x21
ADDRESS_BYTES = {TCP_4: 4, TCP_6: 16}


@dataclass(frozen=True)
class ProxyHeader:
    """``size`` bytes at the beginning of a connection are the header, 0: there is none.

    ``address`` is the caller's, None where the proxy names none: it calls for itself.
    """

    size: int
    address: str | None = None


NONE = ProxyHeader(0)


def read(begun: bytes) -> ProxyHeader | None:
    """The header at the beginning of ``begun``, None where more bytes are needed.

    What begins as a header and is not one gives ``NONE``, and the HTTP parser refuses it.
    """
    if begun.startswith(START_2):
        return _version_2(begun)
    if begun.startswith(START_1):
        return _version_1(begun)
    short = any(start.startswith(begun) for start in (START_1, START_2))
    return None if short else NONE


def _version_1(begun: bytes) -> ProxyHeader | None:
    line, end, _ = begun[:LINE_BYTES_MAX].partition(b"\r\n")
    if not end:
        return None if len(begun) < LINE_BYTES_MAX else NONE
    size, words = len(line) + len(end), line.decode("latin-1").split(" ")
    if words[1] == "UNKNOWN":
        return ProxyHeader(size)
    if words[1] not in {"TCP4", "TCP6"} or len(words) != len(("PROXY", "TCP4", "from", "to", "port", "port")):
        return NONE
    return ProxyHeader(size, words[2]) if parse(words[2]) is not None else NONE


def _version_2(begun: bytes) -> ProxyHeader | None:
    if len(begun) < FIXED_BYTES:
        return None
    command, family, rest = begun[12], begun[13], int.from_bytes(begun[14:FIXED_BYTES])
    if command not in {LOCAL, PROXY} or rest > REST_BYTES_MAX:
        return NONE
    size, length = FIXED_BYTES + rest, ADDRESS_BYTES.get(family)
    if len(begun) < size:
        return None
    if command == LOCAL or length is None:
        return ProxyHeader(size)
    if rest < 2 * length:
        return NONE
    return ProxyHeader(size, str(ip_address(begun[FIXED_BYTES : FIXED_BYTES + length])))
