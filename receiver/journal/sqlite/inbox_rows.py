"""Rows of callbacks, to and from the model's values: plain, or sealed with headers and body as one.

A sealed row has an integer in the place of its headers, which no plain one has whatever a caller sends.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from receiver.journal.sqlite.seals import Seals
from receiver.model.callback import (
    Headers,
    JournalEntry,
    RawCallback,
    VerifiedCallback,
    headers_from_wire,
    headers_to_wire,
)
from receiver.model.times import DAY_US, day_of

SEALED_HEADERS = 1
"""Headers and body are in the body's column, sealed."""
_SIZE = struct.Struct(">I")

Binding = str | int | bytes


def plain_bindings(callbacks: Sequence[VerifiedCallback]) -> list[Binding]:
    """Bindings for (source, received_at_us, headers, body), one row after the other."""
    bindings: list[Binding] = []
    for callback in callbacks:
        bindings += (callback.source, callback.received_at_us, headers_to_wire(callback.headers), callback.body)
    return bindings


def sealed_bindings(seals: Seals, first: int, callbacks: Sequence[VerifiedCallback]) -> list[Binding]:
    """Bindings for (number, source, received_at_us, headers, body), numbered from ``first`` on."""
    bindings: list[Binding] = []
    sealers = {day: seals.sealer(day_of(day * DAY_US)) for day in days_in(callbacks)}
    for number, callback in enumerate(callbacks, start=first):
        at_us = callback.received_at_us
        sealed = sealers[at_us // DAY_US](number, _content(callback))
        bindings += (number, callback.source, at_us, SEALED_HEADERS, sealed)
    return bindings


def days_in(callbacks: Sequence[VerifiedCallback]) -> set[int]:
    """The days of receipt, counted from 1970."""
    return {callback.received_at_us // DAY_US for callback in callbacks}


def seal_content(seals: Seals, number: int, callback: VerifiedCallback | RawCallback) -> bytes:
    """Headers and body of a row as one sealed blob; ``seals`` is prepared for the day of receipt."""
    return seals.seal(day_of(callback.received_at_us), number, _content(callback))


def _content(callback: VerifiedCallback | RawCallback) -> bytes:
    wire = headers_to_wire(callback.headers)
    return b"".join((_SIZE.pack(len(wire)), wire, callback.body))


def content_of(seals: Seals, number: int, headers: Any, body: bytes) -> tuple[Headers, bytes]:
    """Headers and body of a row, sealed or plain; raises ``StoreFailed``, ``JournalError`` as ``Seals.open`` does."""
    if not isinstance(headers, int):
        return headers_from_wire(bytes(headers)), bytes(body)
    content = seals.open(number, bytes(body))
    end = _SIZE.size + _SIZE.unpack_from(content)[0]
    return headers_from_wire(content[_SIZE.size : end]), content[end:]


def entry_from_row(seals: Seals, row: Any) -> JournalEntry:
    """One row of ``callbacks``, all its columns in their order, as an entry."""
    number, source, received_at_us, headers, body = row
    return JournalEntry(
        number, VerifiedCallback(str(source), int(received_at_us), *content_of(seals, number, headers, body))
    )
