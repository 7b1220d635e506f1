"""One entry of the journal on its way into a batch: read, and then given its place or set aside.

Whatever makes a batch, a step of the interpreter or a person's request, does these three things: it reads its entries
(``read_entry``), begins a batch that knows their operations (``begin_batch``), and puts each entry into it
(``add_entry``). Nothing is committed here.
"""

from __future__ import annotations

from collections.abc import Iterable

from receiver.interpret.meaning import Duplicate, Reading, Unreadable, interpret, read
from receiver.interpret.noted import number_field
from receiver.interpret.outbox_batch import BatchBuilder
from receiver.interpret.status_event import Observed
from receiver.journal.ports import Outbox
from receiver.model.callback import JournalEntry
from receiver.model.errors import NotUnderstood
from receiver.model.frozen import dataclass
from receiver.model.log import Log
from receiver.model.quarantine_record import quarantine_value
from receiver.providers.contract import Sources


@dataclass(frozen=True, slots=True)
class Rules:
    """What interpreting an entry depends on, beside the journal."""

    sources: Sources
    record_bytes_max: int
    """An event's value that is larger is quarantined: the broker would refuse it."""
    publish_body: bool
    """Whether a quarantine record holds the callback's body."""
    log: Log
    """For a bug of ours, with its traceback, at once; all else is noted in the batch."""
    publish: bool = True
    """Whether what is interpreted goes to Kafka; not for what is imported as already published."""
    condemned: frozenset[int] = frozenset()
    """Inbox numbers of callbacks that killed the process: they are quarantined without another look."""


def read_entry(rules: Rules, entry: JournalEntry) -> Reading | Unreadable:
    """Read an entry with today's code and configuration, whatever its operation has seen."""
    configured = rules.sources.get(entry.callback.source)
    if configured is None:
        return Unreadable("internal_error", "source is not configured")
    if entry.store == "inbox" and entry.number in rules.condemned:
        return Unreadable("internal_error", "it killed the interpreting process")
    try:
        return read(entry.callback, *configured, observed=_observed(entry))
    except NotUnderstood as reason:
        return Unreadable(reason.reason, reason.detail)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  a bug of ours must not stop the line, nor lose the callback
        return _bug(rules, entry)


def begin_batch(
    rules: Rules, outbox: Outbox, readings: Iterable[Reading | Unreadable], *, interpreted: int
) -> BatchBuilder:
    """Begin a batch that knows the operations which ``readings`` are about, as the outbox has them.

    ``interpreted`` is the inbox number up to which the outbox stood before the entries were read: where another hand
    has changed it since, the commit is refused.
    """
    keys = {reading.key for reading in readings if isinstance(reading, Reading)}
    last_record = outbox.last_number()
    builder = BatchBuilder(last_record, outbox.operations(keys), publish=rules.publish)
    builder.batch.follows = (interpreted, last_record)
    return builder


def add_entry(
    builder: BatchBuilder,
    rules: Rules,
    entry: JournalEntry,
    reading: Reading | Unreadable,
    *,
    interpreted_before: bool = False,
) -> bool:
    """Put an entry into the batch; give whether it is an event or a duplicate now, and not in quarantine.

    ``interpreted_before`` is set for an entry that a person asks to look at once more. Its payload is then no sign of
    a duplicate (see ``meaning.interpret``), and where it still cannot be read it keeps the quarantine record it has.
    """
    if isinstance(reading, Unreadable):
        return _set_aside(builder, rules, entry, reading, interpreted_before=interpreted_before)
    provider, source = rules.sources[entry.callback.source]
    try:
        meaning = interpret(
            reading,
            builder.operation(reading.key),
            provider=provider.slug,
            source=source.name,
            arrival=entry.arrival,
            received_at_us=entry.callback.received_at_us,
            observed=_observed(entry),
            interpreted_before=interpreted_before,
        )
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  as above
        return _set_aside(builder, rules, entry, _bug(rules, entry), interpreted_before=interpreted_before)
    if isinstance(meaning, Duplicate):
        builder.add_duplicate(entry, reading, meaning)
        return True
    if len(meaning.value) > rules.record_bytes_max:
        too_large = Unreadable("too_large_for_broker", "$")
        return _set_aside(builder, rules, entry, too_large, interpreted_before=interpreted_before)
    builder.add_event(entry, reading, meaning)
    return True


def _bug(rules: Rules, entry: JournalEntry) -> Unreadable:
    # Logged at once, with its traceback: called only where the exception is caught.
    fields = {number_field(entry): entry.number, "source": entry.callback.source}
    rules.log.exception("callback.bug", **fields)  # noqa: LOG004
    return Unreadable("internal_error", "")


def _set_aside(
    builder: BatchBuilder, rules: Rules, entry: JournalEntry, why: Unreadable, *, interpreted_before: bool
) -> bool:
    if interpreted_before:
        builder.keep_in_quarantine(entry, why)
        return False
    provider, source = rules.sources.get(entry.callback.source, (None, None))
    slug, account = provider.slug if provider else "", source.account if source else None
    value = quarantine_value(
        entry,
        provider=slug,
        account=account,
        reason=why.reason,
        detail=why.detail,
        shown_headers=provider.shown_headers if provider else frozenset(),
        publish_body=rules.publish_body,
    )
    builder.add_quarantine(entry, slug, account, why, value)
    return False


def _observed(entry: JournalEntry) -> Observed:
    return "webhook" if entry.store == "inbox" else "poll"
