"""Admit: limits and proof, in the contract's order, as functions on values. Nothing here parses a body.

The order is the point: what costs an attacker little and us much comes after what costs us nothing. Header limits
first, then the shape of the signature headers, then the body's size, then the digest.
"""

from __future__ import annotations

from receiver.model.callback import Headers, RawCallback, VerifiedCallback
from receiver.model.errors import BodyTooLarge, HeadersTooLarge
from receiver.providers.contract import Claim, Provider, Source

HEADER_BYTES_MAX = 32 * 1024
"""Of all names and values, with the four bytes that separate each on the wire; proxies allow 8 to 32 KiB."""
HEADER_FIELDS_MAX = 100
"""No provider and no proxy chain sends half as many."""
FIELD_OVERHEAD = 4
LENGTH_DIGITS_MAX = 18
"""Of a declared length, without zeros before it; that many bytes are a billion gigabytes."""


def check_headers(headers: Headers) -> None:
    """Raise ``HeadersTooLarge`` above ``HEADER_FIELDS_MAX`` fields or ``HEADER_BYTES_MAX`` bytes."""
    if len(headers) > HEADER_FIELDS_MAX:
        raise HeadersTooLarge("fields")
    if len(b"".join([part for field in headers for part in field])) + len(headers) * FIELD_OVERHEAD > HEADER_BYTES_MAX:
        raise HeadersTooLarge("bytes")


def admit_headers(provider: Provider, source: Source, headers: Headers, now_s: int) -> Claim:
    """Check all that can be said before the body is read; raises ``Unauthorized``. ``now_s`` is Unix time."""
    return provider.claim(headers, source, now_s)


def check_declared(headers: Headers, body_bytes_max: int) -> None:
    """Raise ``BodyTooLarge`` for a body declared larger than the limit.

    The HTTP parser has checked that there are only digits, and not how many: Python refuses to read over 4300 of them.
    """
    for name, value in headers:
        if name == b"content-length":
            digits = value.strip().lstrip(b"0")
            if len(digits) > LENGTH_DIGITS_MAX or int(digits or b"0") > body_bytes_max:
                raise BodyTooLarge("declared")


def has_body(headers: Headers) -> bool:
    """Whether a body follows the headers."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and bool(value.strip(b"0 ")))
        for name, value in headers
    )


def admit_body(provider: Provider, source: Source, claim: Claim, raw: RawCallback) -> VerifiedCallback:
    """Check the signature over the raw bytes; raises ``Unauthorized``."""
    return provider.verify(raw, claim, source)
