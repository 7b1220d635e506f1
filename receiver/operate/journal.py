"""What ``receiver journal`` does with Kafka: check a journal against its memory, and join the two again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from receiver.journal.erasing import Erased
from receiver.journal.handle import Journal
from receiver.journal.ports import Outbox
from receiver.journal.slots import first_record
from receiver.model.errors import KafkaFenced, KafkaStopped, KafkaUnavailable, ReceiverError
from receiver.model.records import OutboxRecord, Position
from receiver.operate.context import Context
from receiver.operate.rejoin_plan import Plan, fold, key_of, placeholder, plan, rebuild
from receiver.publish.ports import Kafka, Memory, Message
from receiver.publish.position import start_of
from receiver.publish.routing import position_id, record_number
from receiver.publish.spread import RememberedSpread

TRIES = 5
"""A relay that is stopped looks every ten seconds, which takes far less than one: so often nobody crosses its way."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What ``receiver journal check`` found."""

    journal_id: str
    faults: Sequence[str]
    kafka: str
    """What was found of Kafka, in one sentence."""
    erased: Sequence[Erased] = ()
    """What is not there because a person erased it; no fault."""


async def check(context: Context) -> Checked:
    """Check the stores, and the position against Kafka where one is configured; raises ``JournalError``."""
    return replace(await _check(context), erased=context.journal.erasures())


async def _check(context: Context) -> Checked:
    journal_id, faults = context.journal.journal_id, context.journal.check()
    if context.kafka is None:
        return Checked(journal_id, faults, "Kafka is not configured")
    with closing(context.journal.slots()) as opened:
        slots = [state.slot for state in opened.states()]
    said = []
    for slot in slots:
        about = f"slot {slot}: " if len(slots) > 1 else ""
        try:
            start, last = await _stands(context, slot)
        except KafkaUnavailable as error:
            return Checked(journal_id, faults, f"Kafka was not looked at: {error}")
        except KafkaStopped as error:
            faults = [*faults, f"{about}{error}"]
            said.append(f"{about}Kafka's memory does not fit")
        else:
            said.append(f"{about}Kafka has this journal's records up to {start}, the outbox ends at {last}")
    return Checked(journal_id, faults, "; ".join(said))


async def _stands(context: Context, slot: int) -> tuple[int, int]:
    # Where Kafka and where the outbox stand, counted within the slot.
    first = first_record(slot)
    with closing(context.journal.part(slot).outbox()) as outbox:
        memory = await context.need_kafka().memory(position_id(context.journal.journal_id, slot))
        start = start_of(memory, outbox).position.number
        return max(0, start - first), max(0, outbox.last_number() - first)


async def rejoin(context: Context, agree: Callable[[str, Plan], bool], slot: int = 0) -> tuple[str, Plan] | None:
    """Join a slot of the journal with what Kafka holds of it, after ``agree`` was shown fault and plan.

    Gives None where they fit already. Safe while the service runs: its relay is stopped by the same fault, and goes on
    by itself afterwards. Raises ``KafkaUnavailable``, ``JournalError``, ``StoreFailed``.
    """
    kafka = context.need_kafka()
    context.journal.check()
    return await _rejoin(Joining(context, kafka, slot, context.journal.part(slot)), agree)


@dataclass(frozen=True, slots=True)
class Joining:
    """What is joined: one slot of the journal, and what the cluster holds of it."""

    context: Context
    kafka: Kafka
    slot: int
    part: Journal

    @property
    def published_as(self) -> str:
        """What the slot publishes under."""
        return position_id(self.part.journal_id, self.slot)


async def _rejoin(joining: Joining, agree: Callable[[str, Plan], bool]) -> tuple[str, Plan] | None:
    memory = await joining.kafka.memory(joining.published_as)
    with closing(joining.part.outbox()) as outbox:
        try:
            start_of(memory, outbox)
        except KafkaStopped as error:
            fault = str(error)
        else:
            return None
        found = await _found(joining.kafka, joining.published_as)
        remembered = outbox.remembered(memory.cluster_id)
        last, first = outbox.last_number(), first_record(joining.slot)
        decided = plan(memory, remembered, last, outbox.record_id, found, first=first)
        if agree(fault, decided):
            await _carry_out(joining, memory, decided, outbox)
        return fault, decided


async def _carry_out(joining: Joining, memory: Memory, decided: Plan, outbox: Outbox) -> None:
    context = joining.context
    with closing(joining.part.take_over()) as mending, closing(joining.part.inbox()) as inbox:
        if decided.take or decided.missing:
            take = list(decided.take)
            if not take or take[-1].number < decided.position.number:
                take.append(placeholder(decided.position, take[-1] if take else None))
            mending.take_over(
                decided.keep_to,
                take,
                key_of=key_of,
                fold=lambda events: fold(events, context.sources),
                entry_at=inbox.entry,
            )
        await _publish(joining, decided, outbox)
        await _read_back(joining.kafka, joining.published_as, decided.position)
        mending.remember(memory.cluster_id, decided.position)


async def _publish(joining: Joining, decided: Plan, outbox: Outbox) -> None:
    # With nothing to publish too: the position is written anew, where Kafka's memory was gone or behind.
    lost = (number for run in decided.publish for number in run)
    records = [record for number in lost for record in outbox.read(number - 1, 1) if record.number == number]
    messages = [message for record in records for message in joining.kafka.route(record, joining.part.journal_id)]
    for left in reversed(range(TRIES)):
        try:
            await _send(joining, messages, decided.position)
        except KafkaFenced:
            # A service that runs looks now and then whether the two fit, and fences by it whoever else publishes.
            if await _fit(joining, outbox):
                return
            if not left:
                raise
        else:
            return


async def _send(joining: Joining, messages: Sequence[Message], position: Position) -> None:
    with closing(joining.part.outbox(write=True)) as noting:
        publisher = joining.kafka.publisher(joining.published_as, RememberedSpread(noting, joining.context.log))
        try:
            await publisher.connect()
            await publisher.publish(messages, position)
        finally:
            await publisher.close()


async def _fit(joining: Joining, outbox: Outbox) -> bool:
    # What Kafka lost is not forgotten by that: as long as it is to be published again they do not fit.
    try:
        start_of(await joining.kafka.memory(joining.published_as), outbox)
    except KafkaStopped:
        return False
    return True


async def _read_back(kafka: Kafka, published_as: str, written: Position) -> None:
    # The relay may have gone on by now: it can be ahead of what was written, and never behind it.
    found = (await kafka.memory(published_as)).position
    if found is None or found.number < written.number or (found.number == written.number and found != written):
        raise ReceiverError(
            f"Kafka took the position {written.number} and does not give it back: it has "
            f"{'none' if found is None else f'{found.number} ({found.record_id})'}; nothing was joined. "
            "`receiver check --kafka` says what is wrong with the positions topic"
        )


async def _found(kafka: Kafka, published_as: str) -> dict[int, OutboxRecord]:
    found: dict[int, OutboxRecord] = {}
    async for record in kafka.tail(kafka.event_topics, follow=False):
        if record_number(dict(record.headers), published_as) is not None:
            headers = {name: value.decode(errors="replace") for name, value in record.headers}
            rebuilt = rebuild(headers, record.value)
            if rebuilt is not None:
                found[rebuilt.number] = rebuilt
    return found
