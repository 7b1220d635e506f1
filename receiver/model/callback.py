"""A provider's callback, before and after it was proven genuine. Both are values: nothing changes them."""

from __future__ import annotations

import hashlib
import re

from receiver.model.frozen import dataclass

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
    """A callback whose signature matched, or an API's answer in the place of one.

    Made only by ``signing.verify_digest`` and the journal's stores.
    """

    source: str
    received_at_us: int
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """A verified callback in its place in the order of receipt. ``number`` is never used twice."""

    number: int
    callback: VerifiedCallback

    @property
    def store(self) -> str:
        """The store that holds it: ``inbox``, or ``requests``."""
        return "inbox"

    @property
    def place(self) -> int:
        """Its number in that store."""
        return self.number

    @property
    def arrival(self) -> int:
        """Its place in the order of receipt, as an inbox number."""
        return self.number


@dataclass(frozen=True, slots=True)
class PolledEntry(InboxEntry):
    """What a provider's API said of one operation, in the place of a callback; vouched for by TLS to its host.

    ``number`` is minus the number of the request that holds it, so that it is never an inbox number.
    """

    after: int = 0
    """The newest inbox number when it was said."""

    @property
    def store(self) -> str:
        """``requests``."""
        return "requests"

    @property
    def place(self) -> int:
        """Its request's number."""
        return -self.number

    @property
    def arrival(self) -> int:
        """As new as the newest callback at that time."""
        return self.after


@dataclass(frozen=True, slots=True)
class Resource:
    """One operation as the provider's API tells it."""

    operation_id: str
    text: bytes
    """Its JSON with every number as it stands in the answer; empty where a list names it and tells no more."""
    digest: bytes
    """Of its canonical form: equal for an answer that says the same."""
    terminal: bool
    """Whether its status is known and none is expected after it."""


def header_values(headers: Headers, name: bytes) -> list[bytes]:
    """All values of the header ``name`` (lower case), in order."""
    return [value for key, value in headers if key == name]


def headers_to_wire(headers: Headers) -> bytes:
    """Headers as lines ``name: value``, each ended by CR LF: neither can stand in a header, so nothing is lost."""
    return b"".join([part for name, value in headers for part in (name, b": ", value, b"\r\n")])


_LINE = re.compile(rb"([^:]*(?::(?! )[^:]*)*): ([^\r]*(?:\r(?!\n)[^\r]*)*)\r\n")
"""Up to the first colon with a space, then up to the end of the line."""


def headers_from_wire(wire: bytes) -> Headers:
    """Read what ``headers_to_wire`` wrote."""
    return tuple(_LINE.findall(wire))


def entry_digest(entry: InboxEntry) -> bytes:
    """SHA-256 of an inbox entry, whole: tells whether a number still means the callback that it meant."""
    callback = entry.callback
    wire = headers_to_wire(callback.headers)
    sizes = f"{entry.number}:{callback.received_at_us}:{len(callback.source)}:{len(wire)}:{len(callback.body)}:"
    return hashlib.sha256(b"".join([sizes.encode(), callback.source.encode(), wire, callback.body])).digest()
