"""Callbacks of a journal, or of a file: counted, exported, and as items to be sent again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import orjson

from receiver.journal.search import FoundOperation
from receiver.model.callback import VerifiedCallback
from receiver.operate.archive import operation_of, read_any, to_line
from receiver.operate.context import Context
from receiver.operate.lookup import operations_with_id
from receiver.operate.replay_callbacks import Item
from receiver.operate.selection import Chosen, Filter, choose


def chosen(context: Context, wanted: Filter, after: int = 0) -> Iterator[Chosen]:
    """The chosen callbacks of the journal above the number ``after``, in order of receipt."""
    journal = context.journal
    with (
        closing(journal.inbox()) as inbox,
        closing(journal.outbox()) as outbox,
        closing(journal.search()) as search,
        closing(journal.index()) as index,
    ):

        def with_id(operation_id: str) -> Sequence[FoundOperation]:
            return operations_with_id(index.find(operation_id), search, operation_id)

        yield from choose(inbox, outbox, search, wanted, after, with_id=with_id)


def count(context: Context, wanted: Filter, advance: Callable[[], None] = lambda: None) -> tuple[int, Counter[str]]:
    """How many callbacks are chosen, and of what; ``advance`` is called for each."""
    kinds: Counter[str] = Counter()
    for one in chosen(context, wanted):
        advance()
        kinds[f"{one.event['kind']} {one.event['status']}" if one.event else one.outcome] += 1
    return kinds.total(), kinds


def export(context: Context, wanted: Filter, *, unmasked: bool) -> Iterator[bytes]:
    """The chosen callbacks as lines."""
    for one in chosen(context, wanted):
        about: dict[str, Any] = {"outcome": one.outcome}
        if one.event is not None:
            about |= {"operation": one.event["operation_id"], "status": one.event["status"]}
        yield to_line(one.entry.number, one.entry.callback, about, unmasked=unmasked)


def items(context: Context, wanted: Filter, after: int) -> Iterator[Item]:
    """The chosen callbacks, to be sent again."""
    for one in chosen(context, wanted, after):
        yield Item(one.entry.number, operation_of(one.event, one.entry.number), one.entry.callback)


def items_of_file(text: str, source: str | None, wanted: Filter, now_us: int) -> Iterator[Item]:
    """The callbacks of a file, to be sent again; they are not interpreted, so only time and source choose.

    ``now_us`` is their time of receipt where the file has none, Unix microseconds.
    """
    for place, (_, callback, _) in enumerate(read_any(text, source, now_us), start=1):
        if wanted.limit is not None and place > wanted.limit:
            return
        if wanted.lets_time(callback.received_at_us) and wanted.source in {None, callback.source}:
            yield Item(place, _rough_operation(callback), callback)


def _rough_operation(callback: VerifiedCallback) -> str:
    # Only to keep the order of what belongs together: the sender trusts nothing of it.
    try:
        document = orjson.loads(callback.body)
        return f"{callback.source} {document['id']}"
    except (ValueError, KeyError, TypeError):
        return callback.source
