"""What a person asks of the topics: whether the cluster is as it must be, and to take what somebody changed."""

from __future__ import annotations

from contextlib import ExitStack, closing

from receiver.journal.handle import Journal
from receiver.model.errors import JournalError, ReceiverError
from receiver.operate.context import Context
from receiver.publish.ports import Expected, Finding


async def look(context: Context) -> list[Finding]:
    """Look at all that publishing takes for granted of Kafka; changes nothing there or in the journal.

    Raises ``ConfigurationError`` where no Kafka is configured, ``StoreFailed``.
    """
    kafka = context.need_kafka()
    journal = _journal(context)
    with ExitStack() as stack:
        outbox = None if journal is None else stack.enter_context(closing(journal.outbox()))
        return await kafka.survey(
            Expected(
                journal_id=None if journal is None else journal.journal_id,
                topic_partitions=lambda cluster_id: {} if outbox is None else outbox.topic_partitions(cluster_id),
                record_bytes_max=context.record_bytes_max,
                now_us=context.clock.now_us,
            )
        )


def _journal(context: Context) -> Journal | None:
    try:
        return context.journal
    except JournalError:  # of a service that never ran; `journal check` is for one that cannot be read
        return None


async def accept_partitions(context: Context, topic: str) -> tuple[int | None, int]:
    """Have the keys of ``topic`` go over the partitions that it has now; gives how many it was before, and now is.

    Safe beside a running service, whose relay asks the outbox before each transaction. Raises ``KafkaUnavailable``,
    ``JournalError``, ``StoreFailed``, and ``ReceiverError`` where it is no topic of ours or not there.
    """
    kafka = context.need_kafka()
    if topic not in kafka.event_topics:
        raise ReceiverError(f"{topic} is none of the topics that events go to: {', '.join(kafka.event_topics)}")
    journal = context.journal
    cluster_id, there = await kafka.topic_partitions()
    if topic not in there:
        raise ReceiverError(f"topic {topic} is missing, or has a partition without leader")
    with closing(journal.outbox(write=True)) as outbox:
        before = outbox.topic_partitions(cluster_id).get(topic)
        if before != there[topic]:
            outbox.note_topic_partitions(cluster_id, {topic: there[topic]})
    return before, there[topic]
