"""Where publishing goes on: what Kafka remembers, held against what the outbox knows. Pure.

Kafka's own memory is the truth, since it was committed with the records. Where the two do not fit, nothing is guessed:
the relay stops, says why, and a person decides.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from receiver.journal.ports import Outbox
from receiver.journal.slots import slot_of_record
from receiver.model.errors import KafkaStopped
from receiver.model.records import NOTHING_PUBLISHED, Position
from receiver.publish.ports import Memory


@dataclass(frozen=True, slots=True)
class Start:
    """Where to go on, and what a person should be told of it."""

    position: Position
    note: str = ""


def mend(number: int) -> str:
    """What to do, where ``number`` is of the slot that it is about."""
    slot = slot_of_record(number)
    return "run `receiver journal rejoin" + (f" --slot {slot}`" if slot else "`")


def start_of(memory: Memory, outbox: Outbox) -> Start:
    """Decide from Kafka's ``memory`` and what ``outbox`` knows of it; raises ``KafkaStopped``, ``StoreFailed``."""
    return decide_start(
        memory,
        outbox.last_number(),
        outbox.record_id,
        outbox.remembered(memory.cluster_id),
        outbox.latest_remembered(),
    )


def decide_start(
    memory: Memory,
    last_number: int,
    record_id_at: Callable[[int], str | None],
    remembered: Position | None,
    latest: tuple[str, Position] | None,
) -> Start:
    """Decide from Kafka's ``memory``, the outbox's end, and our local copies; raises ``KafkaStopped``.

    ``remembered`` is the local copy for this cluster, ``latest`` the one written last, with its cluster's id.
    """
    if memory.position is None:
        return _without_memory(memory, remembered, latest)
    position = memory.position
    if position.number > last_number:
        raise KafkaStopped(
            f"Kafka has this journal's records up to {position.number}, the outbox ends at {last_number}: "
            f"an older copy of the journal was restored; {mend(position.number)}"
        )
    if remembered is not None and position.number < remembered.number:
        raise KafkaStopped(
            f"Kafka confirmed record {remembered.number} before and now knows only {position.number}: "
            f"it lost what it had acknowledged; {mend(position.number)}"
        )
    known = record_id_at(position.number)
    if position.number > 0 and known != position.record_id:
        raise KafkaStopped(
            f"Kafka's last record of this journal, number {position.number}, is {position.record_id}, "
            f"the outbox has {known} there: these are different histories; {mend(position.number)}"
        )
    return Start(position)


def is_there(position: Position, record_id_at: Callable[[int], str | None]) -> bool:
    """Whether an outbox has the record of ``position``; so it does where nothing was published."""
    return not position.record_id or record_id_at(position.number) == position.record_id


def _without_memory(memory: Memory, remembered: Position | None, latest: tuple[str, Position] | None) -> Start:
    if remembered is not None:
        raise KafkaStopped(
            f"cluster {memory.cluster_id} confirmed record {remembered.number} before and remembers nothing of this "
            f"journal: its positions topic was deleted or emptied; {mend(remembered.number)}"
        )
    if latest is None:
        return Start(NOTHING_PUBLISHED)
    cluster_id, position = latest
    return Start(
        position,
        f"new cluster {memory.cluster_id}: going on after record {position.number}, where cluster {cluster_id} stood; "
        "`receiver replay` can fill in what lies before",
    )


def counts_as_committed(stands: int, reaches: int | None, left: Collection[int], seen: Collection[int]) -> bool:
    """Decide how a transaction is to end whose end the brokers have written in some of its partitions, or in none.

    A reader of what is committed must see all of it or nothing. So it counts as committed as soon as such a reader can
    see any part of it; else it is undone, and its records are published again.

    ``stands`` is the last position that such a reader can see. A partition in which the transaction is still open has
    an open end, which that reader cannot see: ``reaches`` is the position in the open end of the positions topic, None
    where that topic has none, and ``left`` are the numbers of our records in the open ends of other topics. ``seen``
    are the numbers of our records that the reader can see.
    """
    if reaches is None:
        return any(number <= stands for number in left)
    return any(stands < number <= reaches for number in seen)
