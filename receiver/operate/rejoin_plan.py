"""Joining a journal with what Kafka holds of it, after one of the two was restored or lost something. Pure.

Three things can have happened (``position.decide_start`` stops the relay for each):

- the journal is older than Kafka's memory of it, or has another history: what Kafka holds beyond the last record that
  both agree on is taken over, our own records beyond it are undone and their callbacks interpreted again;
- Kafka lost records it had acknowledged: those that are gone are published again;
- Kafka's memory of the journal is gone, its records are not: the memory is written again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from receiver.journal.slots import first_record, slot_of_record
from receiver.model.errors import JournalError
from receiver.model.operation import NEW_OPERATION, OperationState, operation_key
from receiver.model.records import OutboxRecord, Position
from receiver.providers.contract import Sources
from receiver.publish.ports import Memory
from receiver.publish.routing import NUMBER, SIMULATED

LISTED_MAX = 20
"""Runs of numbers that a summary names."""
Runs = tuple[range, ...]
"""Numbers, ascending, as runs without a gap: how many they are is for others to say, who may write what they please."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done."""

    keep_to: int
    """Our records up to this number stay."""
    take: tuple[OutboxRecord, ...]
    """Kafka's records beyond it, ascending; a gap is what Kafka no longer holds."""
    publish: Runs
    """Our records that Kafka lost, to be published again."""
    missing: Runs
    """Numbers that neither of the two holds any more."""
    position: Position
    """Where the relay goes on."""

    def lines(self) -> list[str]:
        """For people, before they are asked."""
        said = [f"our records up to {self.keep_to} stay"]
        if self.take:
            said.append(
                f"taken over from Kafka: {len(self.take)} records, {self.take[0].number} to {self.take[-1].number}"
            )
        if self.publish:
            said.append(f"published again, since Kafka lost them: {_listed(self.publish)}")
        if self.missing:
            said.append(f"Kafka no longer holds, and this journal never had: {_listed(self.missing)}")
        said.append(f"the relay goes on after record {self.position.number}")
        return said


def _listed(runs: Runs) -> str:
    named = ", ".join(str(run[0]) if run[0] == run[-1] else f"{run[0]} to {run[-1]}" for run in runs[:LISTED_MAX])
    more = sum(run.stop - run.start for run in runs[LISTED_MAX:])
    return f"{named} and {more} more" if more else named


def _without(first: int, last: int, found: Iterable[int]) -> Runs:
    """Numbers from ``first`` to ``last`` that are not among ``found``, whose order does not matter."""
    runs, begin = [], first
    for number in sorted(n for n in found if first <= n <= last):
        runs.append(range(begin, number))
        begin = number + 1
    runs.append(range(begin, last + 1))
    return tuple(run for run in runs if run.start < run.stop)


def plan(  # noqa: PLR0913  all that is known of both sides
    memory: Memory,
    remembered: Position | None,
    last_number: int,
    record_id_at: Callable[[int], str | None],
    found: Mapping[int, OutboxRecord],
    *,
    first: int = 0,
) -> Plan:
    """Decide from Kafka's memory, our copy of it, our records, and those of this journal that Kafka's topics hold.

    ``first`` is the number below the first record of the journal's slot that this is about. Raises ``JournalError``
    where Kafka's memory names a number that the slot can never have.
    """
    slot = slot_of_record(first)
    if memory.position is not None and memory.position.number >= first_record(slot + 1):
        raise JournalError(
            f"Kafka remembers record {memory.position.number}, and slot {slot} of a journal has no such number: "
            "somebody else wrote to the positions topic under this journal's name"
        )
    found = {number: record for number, record in found.items() if first < number < first_record(slot + 1)}
    agreed = max(first, _agreed(remembered, record_id_at, found))
    known = (position.number for position in (memory.position, remembered) if position is not None)
    reached = max([first, *found, *known])
    if reached > last_number or any(record_id_at(n) != found[n].record_id for n in found if agreed < n <= last_number):
        take = tuple(found[number] for number in sorted(found) if number > agreed)
        missing = _without(agreed + 1, reached, found)
        last_id = memory.position.record_id if memory.position and memory.position.number == reached else ""
        position = Position(reached, found[reached].record_id if reached in found else last_id)
        return Plan(agreed, take, (), missing, position)
    behind = memory.position.number if memory.position else reached
    publish = _without(behind + 1, reached, found)
    return Plan(last_number, (), publish, (), Position(reached, record_id_at(reached) or ""))


def _agreed(
    remembered: Position | None, record_id_at: Callable[[int], str | None], found: Mapping[int, OutboxRecord]
) -> int:
    """The last record that both sides hold alike: below it nothing is in doubt."""
    alike = [number for number, record in found.items() if record_id_at(number) == record.record_id]
    unlike = [number for number, record in found.items() if record_id_at(number) not in (None, record.record_id)]
    agreed = max(alike, default=0)
    if remembered is not None and record_id_at(remembered.number) == remembered.record_id:
        agreed = max(agreed, remembered.number)
    return min([agreed, *(number - 1 for number in unlike)])


def rebuild(headers: Mapping[str, str], value: bytes) -> OutboxRecord | None:
    """Give the outbox record that a Kafka record was; None where its headers or its value are not ours.

    Others may write to a topic too, whatever they please.
    """
    number = headers.get("receiver-position", "").rpartition(":")[2]
    if NUMBER.fullmatch(number) is None or "ce_id" not in headers:
        return None
    event = headers.get("ce_type") != "webhook.quarantine"
    said = _said(value, event=event)
    if said is None:
        return None
    return OutboxRecord(
        number=int(number),
        record_type="event" if event else "quarantine",
        record_id=headers["ce_id"],
        provider=said["provider"],
        source=said["source"],
        account=said["account"],
        family=said["family"] if event else "",
        kind=said["kind"] if event else "",
        operation_id=said["operation_id"] if event else "",
        status=said["status"] if event else "",
        effective=bool(event and said["effective"]),
        received_at=said["received_at"],
        callback=None,  # its number may mean another callback in this inbox
        traceparent=headers.get("traceparent"),
        value=value,
        simulated=SIMULATED in headers,
    )


TEXTS = ("provider", "source", "received_at")
TEXTS_OF_EVENT = (*TEXTS, "family", "kind", "operation_id", "status", "provider_status")


def _said(value: bytes, *, event: bool) -> dict[str, Any] | None:
    try:
        said = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(said, dict) or not isinstance(said.get("account", 0), str | None):
        return None
    texts = all(isinstance(said.get(name), str) for name in (TEXTS_OF_EVENT if event else TEXTS))
    numbers = not event or all(isinstance(said.get(name), int) for name in ("sequence", "revision", "effective"))
    return said if texts and numbers else None


def key_of(record: OutboxRecord) -> str:
    """The operation's key of an event record."""
    return operation_key(record.provider, record.account, record.kind, record.operation_id)


@dataclass(slots=True)
class Folded:
    """An operation's state, from its events."""

    state: OperationState = NEW_OPERATION
    revisions: dict[str, int] = field(default_factory=dict)


def fold(events: Iterable[OutboxRecord], sources: Sources) -> OperationState:
    """Give the state that an operation's events, in order, left behind."""
    folded = Folded()
    for record in events:
        said = orjson.loads(record.value)
        word = said["provider_status"]
        folded.revisions[word] = max(folded.revisions.get(word, 0), said["revision"])
        folded.state = replace(folded.state, sequence=max(folded.state.sequence, said["sequence"]))
        if record.effective:
            folded.state = replace(
                folded.state,
                provider_status=word,
                rank=_rank(sources, record, word),
                terminal=said["terminal"],
                updated_at=said["updated_at"],
                arrival=record.callback or 0,
                event_id=record.record_id,
            )
    return replace(folded.state, revisions=folded.revisions)


def _rank(sources: Sources, record: OutboxRecord, word: str) -> int:
    if record.source not in sources:
        return 0
    provider, source = sources[record.source]
    kinds = provider.all_kinds(source)
    return next((kind.statuses[word].rank for kind in kinds if kind.name == record.kind and word in kind.statuses), 0)


def placeholder(position: Position, like: OutboxRecord | None) -> OutboxRecord:
    """Stand for the last record where Kafka remembers its position and no longer holds it: it goes nowhere."""
    empty = OutboxRecord(
        position.number, "withheld", position.record_id, "", "", None, "", "", "", "",
        effective=False, received_at="1970-01-01T00:00:00.000000Z", callback=None, traceparent=None, value=b"{}",
    )  # fmt: skip
    return empty if like is None else replace(empty, received_at=like.received_at)
