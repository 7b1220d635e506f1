"""Following the outbox, and telling a collector of what is new in it. What cannot be told is lost, and counted.

Only spans can be lost here: nothing waits for this, and it writes nothing. Everything that it holds is bounded: records
that are not on Kafka yet, in number, and how far it may be behind before it passes over what is between.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from receiver.journal.ports import Outbox
from receiver.model.clock import Clock
from receiver.model.log import Log
from receiver.model.records import OutboxRecord
from receiver.trace.metrics import TraceMetrics
from receiver.trace.ports import Collector
from receiver.trace.spans import Span, published, sampled, understood

STEP = 500
"""Records looked at in one step, and so at most three times as many spans in one request."""
BEHIND_MAX = 20_000
"""Records; a larger backlog is passed over, since the times that would be told of it were wrong."""
WAITING_MAX = 10_000
"""Records that are told of but for their publishing, while Kafka is away; without their values, some MB."""
AWAY_S = (1.0, 60.0)
"""Between two attempts while the collector is away: at first, and in the end."""


class TraceFollower:
    """Reads the outbox on, in steps. To be used by one thread, which the outbox belongs to."""

    def __init__(  # noqa: PLR0913  wired once
        self,
        *,
        outbox: Outbox,
        collector: Collector,
        ratio: float,
        publishes: bool,
        clock: Clock,
        log: Log,
        metrics: TraceMetrics,
    ) -> None:
        """It begins with what comes from now on. ``publishes``: whether Kafka is configured."""
        self._outbox = outbox
        self._collector = collector
        self._ratio = ratio
        self._publishes = publishes
        self._clock = clock
        self._log = log
        self._metrics = metrics
        self._read_to = outbox.last_number()
        self._waiting: deque[tuple[OutboxRecord, int]] = deque()
        self._away_s = 0.0
        self._again_s = 0.0

    @property
    def away(self) -> bool:
        """Whether the collector did not take what it was sent last."""
        return self._away_s > 0

    def step(self) -> bool:
        """Tell of the next records, and of those that were published; whether there may be more.

        Raises ``StoreFailed``, ``JournalError``.
        """
        last = self._catch_up()
        position = self._outbox.latest_remembered() if self._waiting else None
        records = self._outbox.read(self._read_to, STEP)
        now_us = self._clock.now_us()
        spans = self._published(0 if position is None else position[1].number, now_us)
        for record in records:
            if sampled(record, self._ratio):
                spans += understood(record, now_us)
                self._wait(record, now_us)
        if records:
            self._read_to = records[-1].number
        if spans:
            self._send(spans)
        return bool(records) and last - self._read_to >= STEP

    def _catch_up(self) -> int:
        last = self._outbox.last_number()
        if last < self._read_to:  # a person mended the outbox
            self._waiting.clear()
            self._read_to = last
        elif last - self._read_to > BEHIND_MAX:
            self._metrics.skipped.inc(last - self._read_to)
            self._read_to = last
        return last

    def _wait(self, record: OutboxRecord, seen_us: int) -> None:
        if not self._publishes or not record.publish or record.record_type == "withheld":
            return
        if len(self._waiting) >= WAITING_MAX:
            self._waiting.popleft()
            self._metrics.lost.inc()
        self._waiting.append((replace(record, value=b""), seen_us))

    def _published(self, position: int, now_us: int) -> list[Span]:
        spans: list[Span] = []
        while self._waiting and self._waiting[0][0].number <= position and len(spans) < STEP:
            record, seen_us = self._waiting.popleft()
            spans.append(published(record, seen_us, now_us))
        return spans

    def _send(self, spans: Sequence[Span]) -> None:
        if self._clock.monotonic_s() < self._again_s:
            self._metrics.lost.inc(len(spans))
            return
        why = self._collector.send(spans)
        if why is None:
            self._metrics.sent.inc(len(spans))
            if self.away:
                self._log.info("traces.collector_back")
            self._away_s = 0.0
            return
        self._metrics.lost.inc(len(spans))
        if not self.away:  # once, however long it lasts
            self._log.warning("traces.collector_away", why=why)
        self._away_s = min(AWAY_S[1], max(AWAY_S[0], 2 * self._away_s))
        self._again_s = self._clock.monotonic_s() + self._away_s
