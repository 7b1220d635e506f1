"""A provider's callback, before and after it was proven genuine. Both are values: nothing changes them."""

from __future__ import annotations

from dataclasses import dataclass

# Header names lower-cased, values as they came, in the order they came, repeats kept: as ASGI delivers them.
Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class RawCallback:
    """What arrived for a source: nothing is known of it yet, and nothing but its signature may be looked at."""

    source: str
    received_at_us: int
    """Time of receipt, Unix microseconds by our clock."""
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class VerifiedCallback:
    """A callback whose signature matched. Made only by ``signing.verify_digest`` and the inbox."""

    source: str
    received_at_us: int
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """A verified callback in its place in the order of receipt. ``number`` is never used twice."""

    number: int
    callback: VerifiedCallback


def header_values(headers: Headers, name: bytes) -> list[bytes]:
    """All values of the header ``name`` (lower case), in order."""
    return [value for key, value in headers if key == name]
