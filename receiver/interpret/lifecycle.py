"""Who wins: (operation's state, news) → the news' place in the operation's order, and the next state.

Rank decides. Between two contents of one status word the later time of the provider's own wins, and without one the
later arrival. What does not win is published all the same, not effective, and says why: ``late`` or ``conflict``. So
no consumer ever walks back from ``completed`` to ``pending``, and nothing is hidden from one who wants to look.
"""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from receiver.model.frozen import dataclass
from receiver.model.operation import OperationState, Step
from receiver.model.times import instant
from schemas.status_event import Anomaly

_ORDER: tuple[Anomaly, ...] = get_args(Anomaly)
"""Anomalies are always listed in this order: late, conflict, amended, partial, kind_missing."""


@dataclass(frozen=True, slots=True)
class News:
    """One content of one status word, as far as its place depends on it."""

    event_id: str
    provider_status: str
    step: Step
    updated_at: str | None
    arrival: int
    """Inbox number of the callback, the original one for a re-driven callback."""
    anomalies: tuple[Anomaly, ...] = ()
    """Those that its payload shows by itself."""
    polled: bool = False
    """The provider's own answer to a question: it overrules another terminal."""
    repeated: bool = False
    """A poll confirms what a callback said before: a new revision, yet no other facts."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the news stands in its operation's order."""

    sequence: int
    revision: int
    effective: bool
    anomalies: tuple[Anomaly, ...]
    state: OperationState
    """The operation's next state."""


def place(state: OperationState, news: News) -> Place:
    """Give ``news`` its place after all that ``state`` has seen. The news is no duplicate: its caller has checked."""
    found = set(news.anomalies)
    revision = state.revisions.get(news.provider_status, 0) + 1
    if revision > 1 and not news.repeated:
        found.add("amended")
    effective = True
    if state.sequence and news.step.rank < state.rank:
        found.add("late")
        effective = False
    elif state.sequence and news.step.rank == state.rank:
        effective = _against_equal(state, news, found)
    sequence = state.sequence + 1
    revisions = {**state.revisions, news.provider_status: revision}
    if effective:
        after = OperationState(
            sequence=sequence,
            provider_status=news.provider_status,
            rank=news.step.rank,
            terminal=news.step.terminal,
            updated_at=news.updated_at,
            arrival=news.arrival,
            event_id=news.event_id,
            revisions=revisions,
        )
    else:
        after = replace(state, sequence=sequence, revisions=revisions)
    anomalies = tuple(word for word in _ORDER if word in found) if found else ()
    return Place(sequence, revision, effective, anomalies, after)


def overrules(state: OperationState, news: News) -> bool:
    """Whether a poll names another terminal than the effective one."""
    return news.polled and state.terminal and news.step.terminal and news.provider_status != state.provider_status


def confirm(state: OperationState, event_id: str, updated_at: str | None) -> OperationState | None:
    """Give the state after a duplicate: the effective content, said again later, is as new as that.

    None where nothing changes. So an older content that arrives after it is still late.
    """
    if event_id != state.event_id or updated_at is None or state.updated_at is None:
        return None
    if instant(updated_at) <= instant(state.updated_at):
        return None
    return replace(state, updated_at=updated_at)


def _against_equal(state: OperationState, news: News, found: set[Anomaly]) -> bool:
    if news.provider_status == state.provider_status:
        if _older(state, news):
            found.add("late")
            return False
        return True
    # No table has two words of one rank that are not both terminal (a test checks it): the first terminal stays.
    found.add("conflict")
    return overrules(state, news)


def _older(state: OperationState, news: News) -> bool:
    if news.updated_at is not None and state.updated_at is not None:
        mine, its = instant(news.updated_at), instant(state.updated_at)
        if mine != its:
            return mine < its
    return news.arrival < state.arrival
