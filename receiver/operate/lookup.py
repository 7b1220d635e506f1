"""An operation by whatever a person has of it: the beginning of its id, or what one of its events says.

The index tells it where there is one that knows every record. Else, and for values that the index does not have, a
command reads the outbox backwards, the newest first, for a bounded time, and where that was not enough it says how far
it went. A page has no such time: it takes what the index tells, with what stands in the newest records.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import orjson

from receiver.journal.index import Found
from receiver.journal.ports import Outbox
from receiver.journal.search import EventFilter, FoundOperation, Search
from receiver.model.clock import Clock
from receiver.model.errors import ReceiverError
from receiver.model.operation import key_part, operation_key
from receiver.model.records import OutboxRecord

PREFIX_MIN = 4
"""Characters of an id's beginning: fewer stand for too many."""
SCAN_S = 3.0
"""For reading events backwards."""
STEP = 500


class UnknownOperation(ReceiverError):
    """Nothing is known of an operation; the message says how far was looked."""


class SeveralOperations(ReceiverError):
    """More than one operation is meant; the message names them."""

    def __init__(self, said: str, keys: Sequence[str]) -> None:
        super().__init__(f"{said}: {', '.join(keys)}")
        self.keys = keys


def mentioned(clock: Clock, outbox: Outbox, search: Search, found: Found, text: str) -> str:
    """The key of the one operation that ``text`` stands for, an event id, the beginning of an id, or a whole value.

    A value is any text of an event: a reference, a transaction hash, an address; in an index also its beginning or its
    end. ``found`` is what an index tells of it; where that does not know every record, they are read. Raises
    ``UnknownOperation``, also where it is none among the events that could be read in ``SCAN_S``, and
    ``SeveralOperations``.
    """
    keys = _indexed(found, text) if knows_all(found) else []
    if keys:
        return _only_one(text, keys)
    records = search.events(EventFilter(event_id=text), 0, 1)
    if records:
        return _key(records[0])
    begun = [one.key for one in search.operations_by_prefix(text)] if len(text) >= PREFIX_MIN else []
    return _only_one(text, begun) if begun else _scan(clock, outbox, text)


def mentioned_in_index(found: Found, text: str) -> str:
    """The same by what the index tells alone: no record is read beside it. Raises as ``mentioned`` does."""
    keys = _indexed(found, text)
    if not keys:
        raise UnknownOperation(f"nothing is known of an operation {text}")
    return _only_one(text, keys)


def operations_with_id(found: Found, search: Search, operation_id: str) -> Sequence[FoundOperation]:
    """The operations with exactly this id of their provider, by what an index tells of it where that knows them.

    Else all operations are read, which takes a second for a million: so are those whose events are all purged found.
    """
    by_index = operations_in_index(found, search, operation_id) if knows_all(found) else ()
    return by_index or search.operations_by_id(operation_id)


def operations_in_index(found: Found, search: Search, operation_id: str) -> Sequence[FoundOperation]:
    """The same by what the index tells alone: not all operations are read where it knows none."""
    part = key_part(operation_id)
    keys = [hit.name for hit in found.operations if hit.by == "operation" and hit.name.rpartition(":")[2] == part]
    return search.operations_by_key(keys) if keys else ()


def knows_all(found: Found) -> bool:
    """Whether an index told everything that there is of what it was asked."""
    return found.indexed.whole and not found.cut_off


def _indexed(found: Found, text: str) -> list[str]:
    """The operations found by the first of event id, id's beginning, whole value that finds any; else by a part."""
    hits = found.operations
    begin = key_part(text).lower()
    of_event = [hit.name for hit in hits if hit.by == "event_id"]
    begun = [
        hit.name for hit in hits if len(text) >= PREFIX_MIN and hit.name.rpartition(":")[2].lower().startswith(begin)
    ]
    whole = [hit.name for hit in hits if hit.by != "part"]
    return of_event or begun or whole or [hit.name for hit in hits]


def _scan(clock: Clock, outbox: Outbox, text: str) -> str:
    needle = orjson.dumps(text)
    end_s = clock.monotonic_s() + SCAN_S
    looked, keys = 0, dict[str, None]()
    for records in _backwards(outbox):
        looked += len(records)
        keys |= dict.fromkeys(_key(one) for one in records if one.record_type == "event" and needle in one.value)
        if clock.monotonic_s() > end_s:
            if keys:
                break
            raise UnknownOperation(
                f"nothing is known of an operation {text}: among the newest {looked} records, and older ones were not "
                f"read after {SCAN_S:.0f} s; its id or its event id finds it wherever it is"
            )
    if not keys:
        raise UnknownOperation(f"nothing is known of an operation {text}")
    return _only_one(text, list(keys))


def _backwards(outbox: Outbox) -> Iterator[list[OutboxRecord]]:
    """All records in steps, the newest step first."""
    end = outbox.last_number()
    while end > 0:
        begin = max(0, end - STEP)
        at, step = begin, list[OutboxRecord]()
        while at < end and (records := outbox.read(at, end - at)):
            step += [record for record in records if record.number <= end]
            at = records[-1].number
        yield step
        end = begin


def _only_one(text: str, keys: list[str]) -> str:
    if len(keys) > 1:
        raise SeveralOperations(f"{text} stands for several operations", keys)
    return keys[0]


def _key(record: OutboxRecord) -> str:
    return operation_key(record.provider, record.account, record.kind, record.operation_id)
