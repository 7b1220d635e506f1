"""The PROXY protocol's header, both versions, whole and in pieces."""

from __future__ import annotations

import pytest

from receiver.intake.proxy_header import LINE_BYTES_MAX, NONE, ProxyHeader, read

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
PORTS = b"\xc8\x22\x1f\x90"
FOUR = b"\xc0\x00\x02\x01\xc0\x00\x02\x02" + PORTS
SIX = bytes.fromhex("20010db8000000000000000000000001") * 2 + PORTS


def version_2(command: int, family: int, rest: bytes) -> bytes:
    """A header of version 2."""
    return SIGNATURE + bytes([command, family]) + len(rest).to_bytes(2) + rest


WHOLE = {
    b"PROXY TCP4 192.0.2.1 192.0.2.2 51234 8080\r\n": "192.0.2.1",
    b"PROXY TCP6 2001:db8::1 2001:db8::2 51234 8080\r\n": "2001:db8::1",
    b"PROXY UNKNOWN\r\n": None,
    b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n": None,
    version_2(0x21, 0x11, FOUR): "192.0.2.1",
    version_2(0x21, 0x11, FOUR + b"\x03\x00\x04abcd"): "192.0.2.1",
    version_2(0x21, 0x21, SIX): "2001:db8::1",
    version_2(0x20, 0x00, b""): None,
    version_2(0x20, 0x11, FOUR): None,
    version_2(0x21, 0x00, b""): None,
    version_2(0x21, 0x31, b"/run/x" + b"\0" * 210): None,
}


@pytest.mark.parametrize(("header", "address"), WHOLE.items())
def test_a_header_names_its_caller(header: bytes, address: str | None) -> None:
    """Its size is its own, whatever follows; it is waited for until it is whole."""
    assert read(header + b"POST / HTTP/1.1\r\n") == ProxyHeader(len(header), address)
    for size in range(len(header)):
        assert read(header[:size]) is None


@pytest.mark.parametrize(
    "request_line", [b"POST / HTTP/1.1\r\n", b"PUT / HTTP/1.1\r\n", b"GET", b"\r\n\r\nGET", b"\x16"]
)
def test_a_connection_without_one_is_none(request_line: bytes) -> None:
    """A proxy's own health check has none."""
    assert read(request_line) == NONE


@pytest.mark.parametrize(
    "broken",
    [
        b"PROXY TCP4 nobody 192.0.2.2 51234 8080\r\n",
        b"PROXY TCP4 192.0.2.1\r\n",
        b"PROXY \r\n",
        b"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 " + b"1" * LINE_BYTES_MAX,
        version_2(0x11, 0x11, FOUR),
        version_2(0x22, 0x11, FOUR),
        version_2(0x21, 0x11, b"\xc0\x00"),
        SIGNATURE + b"\x21\x11\xff\xff",
    ],
)
def test_what_only_begins_as_one_is_left_to_the_parser(broken: bytes) -> None:
    """It is refused there, as a PROXY header from anybody."""
    assert read(broken) == NONE
