"""What goes out to a provider's API and what comes back: plain values, for ``Provider.api`` and ``reconcile``.

An ``Api`` (in ``contract``) makes calls and reads answers without a socket; ``reconcile`` sends them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from receiver.model.callback import Resource

Failure = Literal["down", "limited", "refused", "not_found", "nonsense"]
"""``down``: no answer, or the provider's own error; ``limited``: too many calls; ``refused``: it says no, or our key is
not taken; ``not_found``: it has no such operation; ``nonsense``: an answer that is none of its documented ones."""


@dataclass(frozen=True, slots=True)
class Access:
    """How one source's API is reached, its references resolved. Holds a secret, never printed."""

    base_url: str
    account: str | None
    public: bytes = b""
    secret: bytes = field(default=b"", repr=False)
    page_size: int = 100
    settings: Any = None
    """The source's ``poll``, in its provider's own model: for keys that no other provider has."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What makes one attempt unlike every other: taken anew for each."""

    now_ms: int
    """Unix time, milliseconds."""
    nonce: int
    """Higher than every one before it of the same key."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, whole: the body is sent byte for byte as it was signed."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: an HTTP status and a body, within limits."""

    status: int
    body: bytes
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list."""

    resources: tuple[Resource, ...]
    pages: int
    """How many there are, by this page's own word."""
    total: int
    """How many operations there are, by this page's own word: another figure on the next page means that it shifted."""


@dataclass(frozen=True, slots=True)
class Scan:
    """One list that is read whole now and then."""

    name: str
    every_s: float | None
    """None: as often as the source's ``poll.every_s`` says."""
    window: bool = False
    """Whether it is asked for a time of creation, else for what is open now."""
    finds_open: bool = False
    """Whether an open operation that is missing in it must be asked for by its id."""
