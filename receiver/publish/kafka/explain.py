"""Why Kafka does not take a record, in a sentence for people. Pure.

Two errors alone are about a record: it, or the batch that it is in, is too large. All others are the world's, and can
pass: a clock is set, an access is granted, a policy is changed, a disk is exchanged. They condemn nothing.
"""

from __future__ import annotations

import re

from aiokafka import errors

from receiver.model.times import from_ms
from receiver.publish.kafka.answers import Refusal
from receiver.publish.kafka.limits import Limits

TOO_LARGE = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError, errors.RecordTooLargeError)
"""Larger than the topic's ``max.message.bytes``, or than its ``segment.bytes``, or refused by the client itself."""
INVALID_TIMESTAMP = errors.InvalidTimestampError.errno
REASONS = {
    errors.CorruptRecordException.errno: "says that our records arrive damaged",
    errors.UnknownTopicOrPartitionError.errno: "has lost a partition, or is missing",
    errors.NotEnoughReplicasError.errno: "has fewer replicas in sync than its min.insync.replicas",
    errors.NotEnoughReplicasAfterAppendError.errno: "has fewer replicas in sync than its min.insync.replicas",
    errors.TopicAuthorizationFailedError.errno: "may not be written by this client: it needs the ACL Write there",
    errors.PolicyViolationError.errno: "refuses our records by a policy of its own",
    56: "is on a disk that fails",
    87: "refuses our records as invalid by a rule of its own",
    89: "is throttled by a quota",
}
"""Error code → what is the matter with a topic. The last ones have no name in the client library."""
REFUSES_TIMESTAMPS = "Kafka refuses our timestamps: this clock is off"
OUT_OF_RANGE = re.compile(r"Timestamp (-?\d+) .*out of range.*\[(-?\d+), (-?\d+)\]")
"""Kafka's words, the same in all of its versions: the timestamp, and from where to where it may be, milliseconds."""


def refusal_sentence(
    topic: str, refusal: Refusal, limits: Limits | None = None, clock_off_ms: int | None = None
) -> str:
    """Say why a topic does not take our records.

    ``limits`` and ``clock_off_ms`` help with refused timestamps, see ``timestamp_sentence``.
    """
    if refusal.code == INVALID_TIMESTAMP:
        return timestamp_sentence(topic, refusal, limits or Limits(), clock_off_ms)
    # Without the broker's words: a rule for what is in records could quote them.
    return f"topic {topic} {REASONS.get(refusal.code, f'does not take our records ({refusal.name})')}"


def timestamp_sentence(topic: str, refusal: Refusal, limits: Limits, clock_off_ms: int | None = None) -> str:
    """Say by how much this clock is off.

    The broker names the range that it takes, which lies about its own clock as the topic's ``limits`` say. Where it
    names none, or the limits are not known, ``clock_off_ms`` counts, by which this clock was found to be ahead of the
    cluster's in another way. The last resort is how far beyond the range the timestamp lies.
    """
    said = OUT_OF_RANGE.search(refusal.text)
    if said is None:
        off = "" if clock_off_ms is None else _off(clock_off_ms)
        sent = f"topic {topic} refused the timestamp {from_ms(refusal.heard_ms)} or one shortly before it"
        return f"{REFUSES_TIMESTAMPS}{off}; {sent}{_takes(limits)}"
    refused_ms, earliest_ms, latest_ms = (int(number) for number in said.groups())
    broker_ms = _broker_ms(earliest_ms, latest_ms, limits)
    if broker_ms is not None:
        off = _off(refused_ms - broker_ms)
    elif clock_off_ms is not None:
        off = _off(clock_off_ms)
    elif refused_ms > latest_ms:
        off = f" by at least {(refused_ms - latest_ms) / 1000:.1f} s (ahead of what the broker takes)"
    else:
        off = f" by at least {(earliest_ms - refused_ms) / 1000:.1f} s (behind what the broker takes)"
    return f"{REFUSES_TIMESTAMPS}{off}; topic {topic} refused the timestamp {from_ms(refused_ms)}{_takes(limits)}"


def _off(ahead_ms: int) -> str:
    return f" by {abs(ahead_ms) / 1000:.1f} s ({'ahead of' if ahead_ms >= 0 else 'behind'} the broker's)"


def _broker_ms(earliest_ms: int, latest_ms: int, limits: Limits) -> int | None:
    if limits.after_ms is not None:
        return latest_ms - limits.after_ms
    return earliest_ms + limits.before_ms if limits.before_ms is not None else None


def _takes(limits: Limits) -> str:
    sides = [
        f"{limit_ms / 1000:g} s {where}"
        for limit_ms, where in ((limits.before_ms, "behind"), (limits.after_ms, "ahead"))
        if limit_ms is not None
    ]
    return f", its limits are {' and '.join(sides)}" if sides else ""
