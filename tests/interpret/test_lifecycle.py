"""Who wins, as properties: whatever order callbacks come in, the same events, no gaps, and nobody walks back."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.interpret.lifecycle import Content, confirm, decide, overrules
from receiver.model.operation import NEW_OPERATION, OperationState, Step

STEPS = {
    "PENDING": Step("pending", 0),
    "WITHDRAWING": Step("sending", 1),
    "PROCESSED": Step("completed", 2, terminal=True),
    "ERROR": Step("failed", 2, terminal=True),
}


def said(word: str, *, at: str | None = None, arrival: int = 1, **more: Any) -> Content:
    """Content of one status word."""
    fields: dict[str, Any] = {"event_id": f"{word}-{at}-{arrival}", "provider_status": word, "step": STEPS[word]}
    return Content(**(fields | {"updated_at": at, "arrival": arrival} | more))


def walk(*arriving: Content) -> list[tuple[int, int, bool, tuple[str, ...]]]:
    """Sequence, revision, effective and anomalies of each."""
    state = NEW_OPERATION
    verdicts: list[tuple[int, int, bool, tuple[str, ...]]] = []
    for content in arriving:
        verdict = decide(state, content)
        state = verdict.state
        verdicts.append((verdict.sequence, verdict.revision, verdict.effective, verdict.anomalies))
    return verdicts


def test_the_way_forward() -> None:
    """Each status is effective in its turn; steps may be skipped."""
    assert walk(said("PENDING"), said("PROCESSED", arrival=2)) == [(1, 1, True, ()), (2, 1, True, ())]


def test_a_lower_rank_is_late() -> None:
    """Published, numbered, not effective."""
    assert walk(said("PROCESSED"), said("PENDING", arrival=2)) == [(1, 1, True, ()), (2, 1, False, ("late",))]


def test_the_first_terminal_stays() -> None:
    """Another one is a conflict."""
    assert walk(said("PROCESSED"), said("ERROR", arrival=2)) == [(1, 1, True, ()), (2, 1, False, ("conflict",))]


def test_a_poll_overrules_another_terminal() -> None:
    """The provider's own answer is effective, and says that there was a conflict."""
    poll = said("ERROR", arrival=2, polled=True)
    assert overrules(decide(NEW_OPERATION, said("PROCESSED")).state, poll)
    assert walk(said("PROCESSED"), poll) == [(1, 1, True, ()), (2, 1, True, ("conflict",))]


def test_a_poll_that_repeats_a_word_is_a_new_revision_without_other_facts() -> None:
    """It confirms what a callback said before it lost: not amended."""
    verdicts = walk(said("PROCESSED"), said("ERROR", arrival=2), said("ERROR", arrival=3, polled=True, repeated=True))
    assert verdicts[-1] == (3, 2, True, ("conflict",))


@pytest.mark.parametrize(
    ("first", "second", "effective", "anomalies"),
    [
        (("2025-01-01T00:00:00Z", 1), ("2025-01-01T00:00:01Z", 2), True, ("amended",)),
        (("2025-01-01T00:00:01Z", 1), ("2025-01-01T00:00:00Z", 2), False, ("late", "amended")),
        (("2025-01-01T00:00:00Z", 1), ("2025-01-01T00:00:00.000Z", 2), True, ("amended",)),
        ((None, 1), (None, 2), True, ("amended",)),
        ((None, 2), (None, 1), False, ("late", "amended")),
        ((None, 2), ("2025-01-01T00:00:00Z", 1), False, ("late", "amended")),
    ],
)
def test_two_contents_of_one_word(first: Any, second: Any, anomalies: tuple[str, ...], *, effective: bool) -> None:
    """The provider's later time wins, and without one the later arrival, which for a redrive is the original one."""
    verdicts = walk(*(said("PROCESSED", at=at, arrival=arrival) for at, arrival in (first, second)))
    assert verdicts[1] == (2, 2, effective, anomalies)


def test_anomalies_of_the_payload_come_in_the_closed_lists_order() -> None:
    """Added up, each in its place."""
    late = said("PENDING", arrival=3, anomalies=("kind_missing", "partial"))
    state = decide(decide(NEW_OPERATION, said("PENDING", arrival=1)).state, said("PROCESSED", arrival=2)).state
    assert decide(state, late).anomalies == ("late", "amended", "partial", "kind_missing")


def test_a_later_word_of_the_effective_content_moves_its_time_on() -> None:
    """So that an older content that comes after a repetition is late still."""
    state = decide(NEW_OPERATION, said("PROCESSED", at="2025-01-01T00:00:00Z")).state
    again = confirm(state, state.event_id, "2025-01-01T00:05:00Z")
    assert again is not None
    assert again.updated_at == "2025-01-01T00:05:00Z"
    between = said("PROCESSED", at="2025-01-01T00:03:00Z", arrival=3)
    assert decide(again, between).anomalies == ("late", "amended")
    for event_id, at in (
        ("another", "2025-01-01T00:06:00Z"),
        (state.event_id, "2024-01-01T00:00:00Z"),
        (state.event_id, None),
    ):
        assert confirm(state, event_id, at) is None


CONTENTS = st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 2)), min_size=1, max_size=6, unique=True)


@given(CONTENTS, st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_no_order_of_arrival_leaves_a_gap_or_walks_back(contents: list[tuple[str, int]], chance: Any) -> None:
    """Sequences are 1 … n, an effective rank never falls, and what is not effective says why."""
    chance.shuffle(contents)
    rank, state = -1, NEW_OPERATION
    for arrival, (word, minute) in enumerate(contents, start=1):
        verdict = decide(state, said(word, at=f"2025-01-01T00:0{minute}:00Z", arrival=arrival))
        assert verdict.sequence == arrival
        assert verdict.effective or {"late", "conflict"} & set(verdict.anomalies)
        if verdict.effective:
            assert STEPS[word].rank >= rank
            rank = STEPS[word].rank
        state = verdict.state
    assert state.sequence == len(contents)
    assert sum(state.revisions.values()) == len(contents)


@given(st.permutations(sorted(set(STEPS) - {"ERROR"})))
def test_without_competition_every_order_ends_alike(words: list[str]) -> None:
    """One content a word, one terminal: the final state does not depend on the order."""
    state: OperationState = NEW_OPERATION
    for arrival, word in enumerate(words, start=1):
        state = decide(state, said(word, arrival=arrival)).state
    assert (state.provider_status, state.rank, state.terminal, state.sequence) == ("PROCESSED", 2, True, 3)


def test_competing_contents_end_with_the_providers_latest_whatever_the_order() -> None:
    """Three contents of one word: the one with the latest time is effective at the end, in all six orders."""
    times = [f"2025-01-01T00:0{minute}:00Z" for minute in range(3)]
    for order in itertools.permutations(times):
        state = NEW_OPERATION
        for arrival, at in enumerate(order, start=1):
            state = decide(state, said("PROCESSED", at=at, arrival=arrival)).state
        assert state.updated_at == times[-1]
