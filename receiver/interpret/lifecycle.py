"""Which content of an operation is the effective one: (operation's state, new content) → verdict. Pure.

The higher rank wins. Of two contents of one status word the one with the later time of the provider's own wins, and
without such times the one that arrived later. What does not win is published all the same, marked as not effective,
and says why: ``late`` or ``conflict``. So no consumer ever walks back from ``completed`` to ``pending``, and nothing
is hidden from one who wants to look.
"""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from exchange_events.status_event import Anomaly
from receiver.model.frozen import dataclass
from receiver.model.operation import OperationState, Step
from receiver.model.times import instant

_ORDER: tuple[Anomaly, ...] = get_args(Anomaly)
"""Anomalies are always listed in this order: late, conflict, amended, partial, kind_missing."""


@dataclass(frozen=True, slots=True)
class Content:
    """What one callback says of an operation, as far as the verdict depends on it."""

    event_id: str
    provider_status: str
    step: Step
    updated_at: str | None
    arrival: int
    """Inbox number of the callback, the original one for a re-driven callback."""
    anomalies: tuple[Anomaly, ...] = ()
    """Those that its payload shows by itself."""
    polled: bool = False
    """The provider's own answer to our question: it overrules another terminal status."""
    repeated: bool = False
    """A poll confirms what a callback said before: a new revision, yet no other facts."""
    doubtful: bool = False
    """Nobody knows any more whether it was an event of its operation before: it is not to be effective again."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a content among all that its operation has seen."""

    sequence: int
    """1 for the operation's first event, and then one more for each."""
    revision: int
    """1 for the first content of its status word, and then one more for each."""
    effective: bool
    """Whether the operation stands as this content says, until another wins."""
    anomalies: tuple[Anomaly, ...]
    state: OperationState
    """The operation's next state."""


def decide(state: OperationState, content: Content) -> Verdict:
    """Decide between ``content`` and all that ``state`` has seen. It is no duplicate: the caller has checked that."""
    anomalies = set(content.anomalies)
    revision = state.revisions.get(content.provider_status, 0) + 1
    if revision > 1 and not content.repeated:
        anomalies.add("amended")
    effective = True
    if state.sequence and content.step.rank < state.rank:
        anomalies.add("late")
        effective = False
    elif state.sequence and content.step.rank == state.rank:
        effective = _against_equal(state, content, anomalies)
    sequence = state.sequence + 1
    revisions = {**state.revisions, content.provider_status: revision}
    if effective:
        after = OperationState(
            sequence=sequence,
            provider_status=content.provider_status,
            rank=content.step.rank,
            terminal=content.step.terminal,
            updated_at=content.updated_at,
            arrival=content.arrival,
            event_id=content.event_id,
            revisions=revisions,
        )
    else:
        after = replace(state, sequence=sequence, revisions=revisions)
    in_order = tuple(word for word in _ORDER if word in anomalies) if anomalies else ()
    return Verdict(sequence, revision, effective, in_order, after)


def overrules(state: OperationState, content: Content) -> bool:
    """Whether ``content`` is a poll's and names another terminal status than the effective one."""
    return (
        content.polled and state.terminal and content.step.terminal and content.provider_status != state.provider_status
    )


def confirm(state: OperationState, event_id: str, updated_at: str | None) -> OperationState | None:
    """Give the state after a duplicate of the event ``event_id``; None where nothing changes.

    The effective content, said again with a later time, counts as that new: a content with a time between the two,
    which arrives afterwards, is late.
    """
    if event_id != state.event_id or updated_at is None or state.updated_at is None:
        return None
    if instant(updated_at) <= instant(state.updated_at):
        return None
    return replace(state, updated_at=updated_at)


def _against_equal(state: OperationState, content: Content, anomalies: set[Anomaly]) -> bool:
    if content.provider_status == state.provider_status:
        if content.doubtful or _older(state, content):
            anomalies.add("late")
            return False
        return True
    # Two words of one rank are both terminal in every table (a test checks it): the first terminal status stays.
    anomalies.add("conflict")
    return overrules(state, content)


def _older(state: OperationState, content: Content) -> bool:
    if content.updated_at is not None and state.updated_at is not None:
        content_time, effective_time = instant(content.updated_at), instant(state.updated_at)
        if content_time != effective_time:
            return content_time < effective_time
    return content.arrival < state.arrival
