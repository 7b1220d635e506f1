"""The newest outbox records, handed from the interpreter to the relay without a way through the file.

Only what is committed is handed over, and whoever asks for anything else is answered by the outbox. Measured: reading
a record back costs as much as routing it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from itertools import islice

from receiver.ports import Outbox, OutboxRecord

RECORDS_MAX = 4000
"""Two Kafka transactions' worth; a relay that is further behind reads the file."""
BYTES_MAX = 8 * 1024 * 1024
"""Of values in one reading, as in the file's; and of those that are kept."""


class RecentRecords:
    """A window on the end of the outbox; written by the interpreter's thread, read by the relay's."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._records: deque[OutboxRecord] = deque()
        self._bytes = 0
        self._lock = threading.Lock()

    def add(self, records: Sequence[OutboxRecord]) -> None:
        """These were just committed."""
        with self._lock:
            if self._records and records and records[0].number != self._records[-1].number + 1:
                self._forget()
            self._records.extend(records)
            self._bytes += sum(len(record.value) for record in records)
            while len(self._records) > RECORDS_MAX or self._bytes > BYTES_MAX:
                self._bytes -= len(self._records.popleft().value)

    def forget(self) -> None:
        """Somebody may have changed the outbox: begin anew."""
        with self._lock:
            self._forget()

    def read(self, after: int, limit: int) -> Sequence[OutboxRecord]:
        """Up to ``limit`` records above ``after``, ascending; raises ``StoreFailed``."""
        with self._lock:
            if self._records:
                skip = after + 1 - self._records[0].number
                if 0 <= skip < len(self._records):
                    return list(islice(self._records, skip, skip + limit))
        return self._outbox.read(after, limit)

    def _forget(self) -> None:
        self._records.clear()
        self._bytes = 0
