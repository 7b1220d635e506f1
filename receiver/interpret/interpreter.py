"""The interpreter: from the inbox to the outbox, in order, one batch and one commit at a time.

Theory of operation. A batch of callbacks is read, understood by the pure ``meaning``, put in order by the pure
``lifecycle``, and committed together with the number of the last callback read: a crash repeats the batch and not its
effect. A callback that cannot be understood becomes a quarantine record in the same order. A callback on which our own
code fails is quarantined as ``internal_error``, with its traceback in the log, and the line goes on.

Requests come the same way, after the callbacks. What providers' APIs answered (``poll``) is interpreted as callbacks
are, a run of answers in one batch. What people ask for is one batch each (``requests``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import takewhile

from receiver.interpret.entry import Rules, add_entry, begin_batch, read_entry
from receiver.interpret.meaning import Reading
from receiver.interpret.metrics import InterpretMetrics
from receiver.interpret.noted import tell
from receiver.interpret.outbox_batch import BatchBuilder
from receiver.interpret.poison import NOBODY, Suspects
from receiver.interpret.requests import carry_out
from receiver.journal.entries import Stores
from receiver.journal.search import OTHER_FIELDS, UNKNOWN_FIELDS_MAX
from receiver.model.callback import JournalEntry, entry_digest
from receiver.model.records import Progress
from receiver.providers.contract import Sources

BATCH_MAX = 500
"""Callbacks in one outbox transaction: large enough to share its fsync, short enough that a crash repeats little."""


class Interpreter:
    """Interprets inbox and requests, batch by batch; its ``step`` runs on one thread at a time."""

    def __init__(  # noqa: PLR0913  wired once
        self,
        *,
        stores: Stores,
        rules: Rules,
        metrics: InterpretMetrics,
        suspects: Suspects = NOBODY,
        mark: Callable[[int, int], None] = lambda _first, _last: None,
        limited: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """``mark`` is told which callbacks are about to be interpreted, first and last number, and 0, 0 afterwards.

        ``suspects`` is what such marks taught of the callbacks that killed the process. ``limited`` is put around what
        is done with the marked callbacks themselves, and around no reading or writing of the journal.
        """
        self._stores = stores
        self._inbox, self._requests, self._outbox = stores.inbox, stores.requests, stores.outbox
        self._rules = replace(rules, condemned=suspects.condemned)
        self._log = rules.log
        self._metrics = metrics
        self._one_by_one_to = suspects.one_by_one_to
        self._mark = mark
        self._limited = limited
        # What the outbox reads in order to answer, it reads now, and not when the first callbacks are there.
        stores.outbox.operations(())
        self.interpreted = stores.outbox.progress("inbox").number
        """Inbox number up to which callbacks are interpreted."""

    @property
    def sources(self) -> Sources:
        """The sources by name; others may be given, which count from the next batch on."""
        return self._rules.sources

    @sources.setter
    def sources(self, sources: Sources) -> None:
        self._rules = replace(self._rules, sources=sources)

    def step(self) -> int:
        """Interpret one batch of callbacks and one of requests, and commit each; give how many entries there were.

        Raises ``StoreFailed`` where the outbox refuses; what was not committed is interpreted again at the next step.
        """
        return self._callbacks_step() + self._requests_step()

    def _callbacks_step(self) -> int:
        # Asked each time: a person may have mended the outbox meanwhile.
        self.interpreted = self._outbox.progress("inbox").number
        alone = self.interpreted < self._one_by_one_to
        entries = self._inbox.read(self.interpreted, 1 if alone else BATCH_MAX)
        if not entries:
            return 0
        self._mark(entries[0].number, entries[-1].number)
        builder = self._batch_of(entries, self._limited)
        self._mark(0, 0)
        last = entries[-1]
        builder.batch.progress["inbox"] = Progress(last.number, entry_digest(last))
        self._commit(builder)
        self.interpreted = last.number
        return len(entries)

    def _requests_step(self) -> int:
        waiting = self._requests.read(self._outbox.progress("requests").number, BATCH_MAX)
        if not waiting:
            return 0
        self.interpreted = self._outbox.progress("inbox").number
        answers = list(takewhile(lambda request: request.request_type == "poll", waiting))
        if answers:
            last = answers[-1]
            builder = self._batch_of([answer.polled for answer in answers], nullcontext)
        else:
            last = waiting[0]
            builder = carry_out(last, self._rules, self._stores)
        builder.batch.progress["requests"] = Progress(last.number, b"")
        self._commit(builder)
        return len(answers) or 1

    def _batch_of(
        self, entries: Sequence[JournalEntry], limited: Callable[[], AbstractContextManager[None]]
    ) -> BatchBuilder:
        rules = self._rules
        with limited():
            readings = [read_entry(rules, entry) for entry in entries]
        builder = begin_batch(rules, self._outbox, readings, interpreted=self.interpreted)
        with limited():
            for entry, reading in zip(entries, readings, strict=True):
                add_entry(builder, rules, entry, reading)
        by_receipt = sorted(entries, key=lambda entry: entry.callback.received_at_us)
        builder.batch.last_heard_us = {
            entry.callback.source: entry.callback.received_at_us for entry in by_receipt if entry.store == "inbox"
        }
        builder.batch.polled_at_us = by_receipt[-1].callback.received_at_us
        builder.batch.unknown_fields = dict(
            Counter(
                (entry.callback.source, name)
                for entry, reading in zip(entries, readings, strict=True)
                if isinstance(reading, Reading)
                for name in _names(reading.unknown_fields)
            )
        )
        return builder

    def _commit(self, builder: BatchBuilder) -> None:
        self._outbox.commit(builder.batch)
        tell(builder.noted, self._log, self._metrics)
        for (source, name), count in builder.batch.unknown_fields.items():
            self._metrics.unknown_field(source, name, count)


def _names(unknown_fields: Collection[str]) -> Collection[str]:
    # No callback has more of them counted than a source may have: each is a row to look for, under names that it chose.
    if len(unknown_fields) <= UNKNOWN_FIELDS_MAX:
        return unknown_fields
    return [*sorted(unknown_fields)[: UNKNOWN_FIELDS_MAX - 1], OTHER_FIELDS]
