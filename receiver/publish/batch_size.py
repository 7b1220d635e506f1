"""How much goes into one Kafka transaction: little at first, more while Kafka keeps up, less after each failure. Pure.

Theory of operation, as TCP's congestion window. A transaction must end before its time-out, and a broker may be slow:
it is far away, its disk is busy, or a quota holds this client back. Nobody tells the pace beforehand, so it is found
out: each confirmed transaction may be followed by one of twice its bytes, but never by one that would take longer than
``TARGET_S`` at the pace just seen. A transaction that failed is followed by one of a quarter. So the same too large
step is never tried again and again, and what was written in vain stays a small part of what went through.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from receiver.model.records import OutboxRecord

RECORDS_MAX = 2000
"""Records in one transaction: measured, larger ones gain nothing."""
BYTES_START = 128 * 1024
"""Of the first transaction after a start: one that even a slow broker takes within seconds."""
BYTES_MAX = 8 * 1024 * 1024
"""Of any transaction: as much as one read of the outbox gives."""
TARGET_S = 1.5
"""What a transaction should take at most, its share of the broker's throttling included: short beside any transaction
time-out, and records are seen to go through."""
BYTES_SLOW_MIN = 32 * 1024
"""A slow answer alone makes transactions no smaller than this."""
GROWTH = 2
SHRINK = 4
CALM = 16
"""Confirmed transactions before a number of records that failed is tried again: what is tried in vain stays a small
part of what went through, also where the true limit lies between the two."""


def first_batch_size() -> BatchSize:
    """What a relay begins with."""
    return BatchSize(RECORDS_MAX, BYTES_START, RECORDS_MAX)


@dataclass(frozen=True, slots=True)
class BatchSize:
    """The most that the next transaction holds; one record goes out whatever its size."""

    records: int
    bytes: int
    ceiling: int
    """``records`` grows no further: a batch of twice as many failed."""
    calm: int = 0
    """Confirmed transactions since then."""

    def take(self, records: Sequence[OutboxRecord]) -> Sequence[OutboxRecord]:
        """Those of ``records`` that the next transaction holds: the first ones, at least one of them."""
        room = self.bytes
        for index, record in enumerate(records):
            room -= len(record.value)
            if index >= self.records or (room < 0 and index > 0):
                return records[:index]
        return records

    def confirmed(self, size: int, took_s: float, asked_s: float, *, limited: bool) -> BatchSize:
        """What follows a transaction of ``size`` bytes of values that was confirmed.

        It took ``took_s``; a quota lets so much go out each ``asked_s``. ``limited`` says that more was waiting.
        """
        calm = self.calm + 1
        ceiling = self.ceiling if calm % CALM else min(RECORDS_MAX, self.ceiling * GROWTH)
        most = self._paced(size, took_s, asked_s) if limited else self.bytes
        return BatchSize(min(ceiling, self.records * GROWTH), most, ceiling, calm)

    def _paced(self, size: int, took_s: float, asked_s: float) -> int:
        whole_s = max(took_s, asked_s)
        fits = int(size * TARGET_S / whole_s) if whole_s > 0 else BYTES_MAX
        if whole_s <= TARGET_S:
            return min(self.bytes * GROWTH, max(self.bytes, fits), BYTES_MAX)
        # A quota counts bytes. A slow answer may be slow whatever it answers to: then ever less would not help.
        return max(1 if asked_s > took_s else min(self.bytes, BYTES_SLOW_MIN), fits)

    def failed(self, records: int, size: int) -> BatchSize:
        """What follows a transaction of so many records and bytes of values that failed or took too long."""
        smaller = replace(self, records=max(1, records // SHRINK), bytes=max(1, size // SHRINK))
        return replace(smaller, ceiling=max(1, records // 2), calm=0)

    def too_large(self, records: int) -> BatchSize:
        """What follows several records that a broker refused for their size, that of one or of all together."""
        return replace(self, records=max(1, records // 8), ceiling=max(1, records // 2), calm=0)

    def condemned(self) -> BatchSize:
        """What follows when the one record was found that is too large: the others need no smaller batches."""
        return replace(self, ceiling=RECORDS_MAX)
