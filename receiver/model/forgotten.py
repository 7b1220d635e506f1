"""What is left of the contents that retention has taken: a few bytes each, for as long as their operation's rank. Pure.

A callback can come again at any time, since there are providers in whose callbacks nothing expires. So an operation
never forgets what it has seen: of a content whose row went, two marks stay with the operation's state, one of its event
id and one of its payload. Eight bytes do, since only the contents of one operation are told apart by them.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from receiver.model.operation import Seen

MARK_BYTES = 8
MARKS_MAX = 256
"""Of one operation, 2 KB: far more contents than any has; of the oldest above that only this stays: that there were
some (``LOST``)."""
LOST = bytes(MARK_BYTES)
"""In the place of marks: there were contents of which nothing is known any more."""


def mark(identity: str | bytes) -> bytes:
    """The mark of an event id, or of a payload's digest."""
    return blake2b(identity.encode() if isinstance(identity, str) else identity, digest_size=MARK_BYTES).digest()


def with_contents(forgotten: bytes, contents: Iterable[Seen]) -> bytes:
    """Add the marks of contents, the oldest first, to those that an operation has already."""
    marks = dict.fromkeys(_marks(forgotten))
    for content in contents:
        marks[mark(content.event_id)] = None
        if content.payload_digest:  # of what was taken over from Kafka nobody knows it
            marks[mark(content.payload_digest)] = None
    known = [one for one in marks if one != LOST]
    if len(known) > MARKS_MAX:
        known = [LOST, *known[1 - MARKS_MAX :]]
    elif LOST in marks:
        known = [LOST, *known]
    return b"".join(known)


def holds(forgotten: bytes, identity: str | bytes) -> bool:
    """Whether an event id, or a payload's digest, is among what was forgotten."""
    return bool(forgotten) and mark(identity) in _marks(forgotten)


def lost_some(forgotten: bytes) -> bool:
    """Whether there were contents of which nothing is known any more."""
    return forgotten.startswith(LOST)


def _marks(forgotten: bytes) -> list[bytes]:
    return [forgotten[at : at + MARK_BYTES] for at in range(0, len(forgotten), MARK_BYTES)]
