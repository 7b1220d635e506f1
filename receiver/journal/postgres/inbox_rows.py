"""Rows of callbacks, to and from the model's values: plain, or sealed with headers and body as one.

A sealed row has no headers, which every plain one has.
"""

from __future__ import annotations

import struct
from typing import Any

from receiver.journal.postgres.seals import Seals
from receiver.model.callback import (
    Headers,
    JournalEntry,
    RawCallback,
    VerifiedCallback,
    headers_from_wire,
    headers_to_wire,
)
from receiver.model.times import day_of

_SIZE = struct.Struct(">I")


def seal_content(seals: Seals, number: int, callback: VerifiedCallback | RawCallback) -> bytes:
    """Headers and body of a row as one sealed blob; ``seals`` is prepared for the day of receipt."""
    wire = headers_to_wire(callback.headers)
    content = b"".join((_SIZE.pack(len(wire)), wire, callback.body))
    return seals.seal(day_of(callback.received_at_us), number, content)


def content_of(seals: Seals, number: int, headers: bytes | None, body: bytes) -> tuple[Headers, bytes]:
    """Headers and body of a row, sealed or plain; raises ``StoreFailed``, ``JournalError`` as ``Seals.open`` does."""
    if headers is not None:
        return headers_from_wire(headers), body
    content = seals.open(number, body)
    end = _SIZE.size + _SIZE.unpack_from(content)[0]
    return headers_from_wire(content[_SIZE.size : end]), content[end:]


def entry_from_row(seals: Seals, row: tuple[Any, ...]) -> JournalEntry:
    """One row of ``callbacks``, its columns but for the slot in their order, as an entry."""
    number, source, received_at_us, headers, body = row
    return JournalEntry(number, VerifiedCallback(source, received_at_us, *content_of(seals, number, headers, body)))
