"""A provider's callback, before and after it was proven genuine. Both are values: nothing changes them."""

from __future__ import annotations

import hashlib
import re
from typing import Literal

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


Store = Literal["inbox", "requests"]
"""The two stores that hold what is interpreted: callbacks, and what came another way."""
POLL = "poll-"


@dataclass(frozen=True, slots=True)
class EntryId:
    """Which entry of the journal: a callback by its inbox number, or an API's answer by the number of its request.

    People see and type ``4711`` for the one and ``poll-12`` for the other.
    """

    store: Store
    number: int

    def __str__(self) -> str:
        """As people see and type it."""
        return f"{self.number}" if self.store == "inbox" else f"{POLL}{self.number}"

    def to_json(self) -> int | str:
        """As JSON for tools has it: a callback's number, or the text ``poll-12``."""
        return self.number if self.store == "inbox" else str(self)

    @classmethod
    def parse(cls, text: str) -> EntryId:
        """Read what ``str`` gives; raises ``ValueError``."""
        number = text.removeprefix(POLL)
        if _NUMBER.fullmatch(number) is None:
            raise ValueError(f"{text!r} is neither a callback's number, as 4711, nor an answer's, as poll-12")
        return cls("inbox" if number == text else "requests", int(number))


_NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A verified callback in its place in the order of receipt, or a provider's answer in the place of one."""

    number: int
    """In its store, where no number is ever used twice."""
    callback: VerifiedCallback
    store: Store = "inbox"
    after: int = 0
    """Of an answer: the newest inbox number when it was given."""

    @property
    def id(self) -> EntryId:
        """Which entry it is."""
        return EntryId(self.store, self.number)

    @property
    def arrival(self) -> int:
        """Its place in the order of receipt, as an inbox number; an answer is as new as the newest callback then."""
        return self.number if self.store == "inbox" else self.after


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


SIMULATED = b"receiver-simulated"
"""The header with which ``receiver simulate`` says that it made a callback. No provider sends it.

It is looked at once a callback is proven genuine, so whoever is believed has the source's secret. Its value means
nothing: what says so in any way is marked, since a mark too many is noticed, and one too few is taken for money.
"""


def is_simulated(headers: Headers) -> bool:
    """Whether a genuine callback says of itself that a simulator made it."""
    return any(name == SIMULATED for name, _ in headers)


def headers_to_wire(headers: Headers) -> bytes:
    """Headers as lines ``name: value``, each ended by CR LF: neither can stand in a header, so nothing is lost."""
    return b"".join([part for name, value in headers for part in (name, b": ", value, b"\r\n")])


def headers_from_wire(wire: bytes) -> Headers:
    """Read what ``headers_to_wire`` wrote."""
    lines = wire.split(b"\r\n")
    return tuple([line.partition(b": ")[::2] for line in lines[:-1]])


def entry_digest(entry: JournalEntry) -> bytes:
    """SHA-256 of an inbox entry, whole; another digest under the same number means that the inbox is another one."""
    callback = entry.callback
    wire = headers_to_wire(callback.headers)
    sizes = f"{entry.number}:{callback.received_at_us}:{len(callback.source)}:{len(wire)}:{len(callback.body)}:"
    return hashlib.sha256(b"".join([sizes.encode(), callback.source.encode(), wire, callback.body])).digest()
