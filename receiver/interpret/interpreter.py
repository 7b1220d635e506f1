"""The interpreter: from the inbox to the outbox, in order, one batch and one commit at a time.

Theory of operation. A batch of callbacks is read, understood by the pure ``interpret``, given its place by the pure
``lifecycle``, and committed together with the number of the last callback read: a crash repeats the batch and not its
effect. A callback that cannot be understood becomes a quarantine record in the same order. A callback on which our own
code fails is quarantined as ``internal_error``, with its traceback in the log, and the line goes on.

Requests come the same way. What providers' APIs said (``poll``) is interpreted as callbacks are, a run of answers in
one batch. What people ask for is one batch each: ``redrive`` looks again at what is in quarantine with today's code;
``close`` ends what will never be readable.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any

from receiver.interpret.meaning import Duplicate, NewEvent, Reading, interpret, read
from receiver.interpret.metrics import InterpretMetrics
from receiver.interpret.outbox_batch import BatchBuilder
from receiver.interpret.poison import NOBODY, Suspects
from receiver.interpret.status_event import Observed
from receiver.journal.entries import find_entry
from receiver.journal.ports import InboxReader, Outbox, Requests
from receiver.model.callback import EntryId, JournalEntry, RawCallback, entry_digest
from receiver.model.errors import NotUnderstood, Unauthorized
from receiver.model.frozen import dataclass
from receiver.model.quarantine_record import quarantine_value
from receiver.model.records import Progress, Quarantined, Request
from receiver.providers.contract import Sources

Note = Callable[[], None]
"""What is logged and counted once the batch is committed, and not before."""

BATCH_MAX = 500
"""Callbacks in one outbox transaction: large enough to share its fsync, short enough that a crash repeats little."""
ALL_SIGNATURES = frozenset({b"signature", b"x-api-signature", b"sign"})
"""Hidden where the source, and so its provider, is not configured any more."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A callback that goes to quarantine, and why."""

    reason: str
    detail: str


class Interpreter:
    """Interprets inbox and requests, batch by batch; its ``step`` runs on one thread at a time."""

    def __init__(  # noqa: PLR0913  it is wired once, by name, in parts
        self,
        *,
        inbox: InboxReader,
        requests: Requests,
        outbox: Outbox,
        sources: Sources,
        record_bytes_max: int,
        publish_body: bool,
        log: Any,
        metrics: InterpretMetrics,
        suspects: Suspects = NOBODY,
        mark: Callable[[int, int], None] = lambda _first, _last: None,
    ) -> None:
        self.sources = sources
        self._inbox = inbox
        self._requests = requests
        self._outbox = outbox
        self._record_bytes_max = record_bytes_max
        self._publish_body = publish_body
        self._log = log
        self._metrics = metrics
        self._suspects = suspects
        self._mark = mark
        self.publish = True
        """Whether what is interpreted now goes to Kafka; not for what is imported as already published."""
        outbox.operations(())  # what it reads to answer, it reads now, and not when the first callbacks are there
        self.interpreted = outbox.progress("inbox").number
        """Inbox number up to which callbacks are interpreted."""

    def step(self) -> int:
        """Interpret one batch of callbacks and one of requests, and commit each; how many there were.

        Raises ``StoreFailed`` with nothing changed.
        """
        return self._inbox_step() + self._request_step()

    def _inbox_step(self) -> int:
        # Asked each time: a person may have mended the outbox meanwhile.
        self.interpreted = self._outbox.progress("inbox").number
        alone = self.interpreted < self._suspects.one_by_one_to
        entries = self._inbox.read(self.interpreted, 1 if alone else BATCH_MAX)
        if not entries:
            return 0
        self._mark(entries[0].number, entries[-1].number)
        draft, notes = self._draft(entries)
        self._mark(0, 0)
        last = entries[-1]
        draft.batch.progress["inbox"] = Progress(last.number, entry_digest(last))
        self._commit(draft, notes)
        self.interpreted = last.number
        return len(entries)

    def _draft(self, entries: Sequence[JournalEntry]) -> tuple[BatchBuilder, list[Note]]:
        readings = [self._read(entry) for entry in entries]
        draft = self._new_draft(readings)
        notes = [self._place(draft, entry, reading) for entry, reading in zip(entries, readings, strict=True)]
        in_order = sorted(entries, key=lambda entry: entry.callback.received_at_us)
        draft.batch.last_heard_us = {
            entry.callback.source: entry.callback.received_at_us for entry in in_order if entry.store == "inbox"
        }
        draft.batch.polled_at_us = in_order[-1].callback.received_at_us
        unknown = Counter(
            (entry.callback.source, name)
            for entry, reading in zip(entries, readings, strict=True)
            if isinstance(reading, Reading)
            for name in reading.unknown_fields
        )
        draft.batch.unknown_fields = dict(unknown)
        return draft, notes

    def _new_draft(self, readings: Sequence[Reading | Unreadable]) -> BatchBuilder:
        keys = {reading.key for reading in readings if isinstance(reading, Reading)}
        last_record = self._outbox.last_number()
        draft = BatchBuilder(last_record, self._outbox.operations(keys), publish=self.publish)
        draft.batch.follows = (self.interpreted, last_record)
        return draft

    def _commit(self, draft: BatchBuilder, notes: Sequence[Note]) -> None:
        self._outbox.commit(draft.batch)
        for note in notes:
            note()
        for (source, name), count in draft.batch.unknown_fields.items():
            self._metrics.unknown_field(source, name, count)

    def _request_step(self) -> int:
        found = self._requests.read(self._outbox.progress("requests").number, BATCH_MAX)
        if not found:
            return 0
        self.interpreted = self._outbox.progress("inbox").number
        polls = list(takewhile(lambda one: one.request_type == "poll", found))
        request = polls[-1] if polls else found[0]
        if polls:
            draft, notes = self._draft([one.polled for one in polls])
        elif request.request_type == "redrive":
            draft, notes = self.redrive(entry_ids(request))
        elif request.request_type == "reprocess":
            draft, notes = self.reprocess(request.payload["callbacks"])
        elif request.request_type == "close":
            draft, notes = self._close(request)
        else:  # of a newer release: nothing is lost, since what it points at stays where it is
            draft, notes = self._new_draft(()), []
            self._log.error("request.unknown", request=request.number, request_type=request.request_type)
        draft.batch.progress["requests"] = Progress(request.number, b"")
        self._commit(draft, notes)
        return len(polls) or 1

    def redrive(self, ids: Collection[EntryId]) -> tuple[BatchBuilder, list[Note]]:
        """Look again at those of the callbacks that are in quarantine; nothing is committed yet.

        What is readable today becomes an event with its original time of receipt, its operation's next sequence and
        the effect that its rank gives it, or is a duplicate; what is not stays, with today's reason. A callback whose
        event Kafka refused gets a new event, since nobody ever saw the first.
        """
        standing = self._outbox.quarantined(ids)
        open_ones = sorted(
            (one for one, at in standing.items() if at.state == "open"), key=lambda one: (one.store, one.number)
        )
        found = (find_entry(self._inbox, self._requests, one) for one in open_ones)
        entries = [entry for entry in found if entry is not None]
        readings = [self._read(entry) for entry in entries]
        draft = self._new_draft(readings)
        notes: list[Note] = []
        for entry, reading in zip(entries, readings, strict=True):
            if isinstance(reading, Reading):
                draft.forget(reading.key, standing[entry.id].record)
            notes.append(self._place(draft, entry, reading, again=True))
            if draft.outcome(entry) is not None:
                draft.note_quarantine(entry, *_said(standing[entry.id]), "redriven")
                verifiable = self._verifies(entry) if entry.store == "inbox" else None
                notes.append(self._saying("callback.redriven", entry, signature_verifies_today=verifiable))
        return draft, notes

    def reprocess(self, numbers: Collection[int]) -> tuple[BatchBuilder, list[Note]]:
        """Interpret callbacks that became events with today's code; nothing is committed yet.

        One whose facts are the same is a duplicate of its own event; one whose facts are not becomes a new revision.
        What cannot be read today is left as it is.
        """
        entries = [entry for entry in map(self._inbox.entry, sorted(numbers)) if entry is not None]
        read_now = [(entry, self._read(entry)) for entry in entries]
        readable = [(entry, reading) for entry, reading in read_now if isinstance(reading, Reading)]
        draft = self._new_draft([reading for _, reading in readable])
        notes = [self._place(draft, entry, reading, again=True) for entry, reading in readable]
        draft.batch.outcomes = [one for one in draft.batch.outcomes if one.outcome == "event"]
        notes += [
            self._saying("callback.unreadable_today", entry, reason=reading.reason, detail=reading.detail)
            for entry, reading in read_now
            if isinstance(reading, Unreadable)
        ]
        return draft, notes

    def _close(self, request: Request) -> tuple[BatchBuilder, list[Note]]:
        standing = self._outbox.quarantined(entry_ids(request))
        closing = [one for one in standing.values() if one.state == "open"]
        draft = self._new_draft(())
        draft.batch.quarantined = [replace(one, state="closed", why=request.payload["why"]) for one in closing]
        closed = [one.id.to_json() for one in closing]
        return draft, [lambda: self._log.info("callback.closed", callbacks=closed, why=request.payload["why"])]

    def _verifies(self, entry: JournalEntry) -> bool:
        # As of the time of receipt. The inbox holds only what was verified: a secret rotated out since is no error.
        provider, source = self.sources[entry.callback.source]
        kept = entry.callback
        try:
            claim = provider.claim(kept.headers, source, kept.received_at_us // 1_000_000)
            provider.verify(RawCallback(kept.source, kept.received_at_us, kept.headers, kept.body), claim, source)
        except Unauthorized:
            return False
        return True

    def _saying(self, event: str, entry: JournalEntry, **fields: object) -> Note:
        return lambda: self._log.info(event, **_which(entry), source=entry.callback.source, **fields)

    def _read(self, entry: JournalEntry) -> Reading | Unreadable:
        found = self.sources.get(entry.callback.source)
        if found is None:
            return Unreadable("internal_error", "source is not configured")
        if entry.store == "inbox" and entry.number in self._suspects.condemned:
            return Unreadable("internal_error", "it killed the interpreting process")
        try:
            return read(entry.callback, *found, observed=_observed(entry))
        except NotUnderstood as reason:
            return Unreadable(reason.reason, reason.detail)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001  a bug of ours must not stop the line, nor lose the callback
            self._log.exception("callback.bug", **_which(entry), source=entry.callback.source)
            return Unreadable("internal_error", "")

    def _place(
        self, draft: BatchBuilder, entry: JournalEntry, reading: Reading | Unreadable, *, again: bool = False
    ) -> Note:
        if isinstance(reading, Unreadable):
            return self._quarantine(draft, entry, reading, again=again)
        provider, source = self.sources[entry.callback.source]
        try:
            meaning = interpret(
                reading,
                draft.operation(reading.key),
                provider=provider.slug,
                source=source.name,
                arrival=entry.arrival,
                received_at_us=entry.callback.received_at_us,
                observed=_observed(entry),
                again=again,
            )
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001  as above
            self._log.exception("callback.bug", **_which(entry), source=entry.callback.source)
            return self._quarantine(draft, entry, Unreadable("internal_error", ""), again=again)
        if isinstance(meaning, Duplicate):
            draft.add_duplicate(entry, reading, meaning)
            return lambda: self._note(entry, "event.repeated", "duplicate", operation=reading.key)
        if len(meaning.value) > self._record_bytes_max:
            return self._quarantine(draft, entry, Unreadable("too_large_for_broker", "$"), again=again)
        draft.add_event(entry, reading, meaning)
        return lambda: self._note_event(entry, reading, meaning)

    def _quarantine(self, draft: BatchBuilder, entry: JournalEntry, why: Unreadable, *, again: bool) -> Note:
        if again:  # it has its quarantine record: only the reason may be another today
            draft.note_quarantine(entry, why.reason, why.detail, "open")
            return self._saying("callback.still_unreadable", entry, reason=why.reason, detail=why.detail)
        provider, source = self.sources.get(entry.callback.source, (None, None))
        slug, account = provider.slug if provider else "", source.account if source else None
        value = quarantine_value(
            entry,
            provider=slug,
            account=account,
            reason=why.reason,
            detail=why.detail,
            signature_headers=provider.signature_headers if provider else ALL_SIGNATURES,
            publish_body=self._publish_body,
        )
        draft.add_quarantine(entry, slug, account, why.reason, why.detail, value)
        return lambda: self._note_quarantine(entry, why)

    def _note(self, entry: JournalEntry, event: str, outcome: str, **fields: object) -> None:
        self._metrics.interpreted(entry.callback.source, outcome)
        self._log.info(event, **_which(entry), **fields)

    def _note_event(self, entry: JournalEntry, reading: Reading, news: NewEvent) -> None:
        for anomaly in news.event["anomalies"]:
            self._metrics.anomaly(entry.callback.source, anomaly)
        status, sequence = news.event["status"], news.event["sequence"]
        self._note(entry, "event.recorded", "event", operation=reading.key, status=status, sequence=sequence)

    def _note_quarantine(self, entry: JournalEntry, why: Unreadable) -> None:
        self._metrics.interpreted(entry.callback.source, "quarantine")
        self._metrics.quarantined(entry.callback.source, why.reason)
        self._log.warning(
            "callback.quarantined",
            **_which(entry),
            source=entry.callback.source,
            reason=why.reason,
            detail=why.detail,
        )


def _which(entry: JournalEntry) -> dict[str, int]:
    # The field that ties an entry's log lines together.
    return {"callback" if entry.store == "inbox" else "request": entry.number}


def entry_ids(request: Request) -> list[EntryId]:
    """What a request to redrive or close is about."""
    return [EntryId.parse(str(shown)) for shown in request.payload["callbacks"]]


def _observed(entry: JournalEntry) -> Observed:
    return "webhook" if entry.store == "inbox" else "poll"


def _said(standing: Quarantined) -> tuple[str, str]:
    return standing.reason, standing.detail
