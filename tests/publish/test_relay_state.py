"""How it stands between the relay and Kafka, and what ``/readyz`` says of it."""

from __future__ import annotations

import pytest

from receiver.model.records import NOTHING_PUBLISHED, Position
from receiver.publish.relay_state import (
    Connected,
    Disconnected,
    State,
    Stopped,
    confirmed,
    connected,
    failed,
    has_all,
    lacks,
    stopped,
)

HERE = Position(7, "id-7")


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (Disconnected(HERE), "down"),
        (Connected(HERE, "cluster", HERE), "up"),
        (Connected(HERE, "cluster", HERE, "topic a is missing"), "down"),
        (Stopped(HERE, "they do not fit"), "stopped"),
    ],
)
def test_up_is_said_only_while_records_go_through(state: State, word: str) -> None:
    """A session that is in trouble is down; what a person must mend is stopped."""
    assert state.word == word


def test_before_the_first_session_it_is_down_and_says_why() -> None:
    """Nobody has looked yet."""
    assert Disconnected(NOTHING_PUBLISHED).detail == "not connected yet"


def test_failures_in_a_row_are_counted_and_only_a_published_batch_ends_the_row() -> None:
    """The wait before the next session grows with their number, also where each session begins well."""
    state = failed(failed(Disconnected(HERE), "no broker"), "no broker answers")
    assert (state.failures, state.detail) == (2, "no broker answers")
    session = connected(state, "cluster", HERE)
    assert failed(session, "fenced").failures == 3
    assert failed(stopped(session, "they do not fit"), "no broker").failures == 3
    assert failed(confirmed(session, HERE), "fenced").failures == 1
    assert failed(Stopped(HERE, "they do not fit"), "no broker").failures == 1


def test_a_new_session_is_not_up_before_the_topics_were_looked_at() -> None:
    """What was wrong before it is said until then; what was well goes on being well."""
    assert connected(failed(Disconnected(HERE), "no broker"), "cluster", HERE).detail == "no broker"
    assert connected(Connected(HERE, "cluster", HERE), "cluster", HERE).word == "up"


def test_what_kafka_confirmed_is_up_and_not_yet_noted() -> None:
    """A position read back from Kafka needs no note, one that it has just confirmed does."""
    session = connected(Disconnected(NOTHING_PUBLISHED), "cluster", HERE)
    assert session.noted == session.position == HERE
    sent = confirmed(session, Position(9, "id-9"))
    assert (sent.word, sent.position, sent.noted) == ("up", Position(9, "id-9"), HERE)


def test_what_is_missing_is_said_until_somebody_looked_again() -> None:
    """Records for other topics go through meanwhile, and prove nothing of this one."""
    missing = lacks(connected(Disconnected(HERE, ""), "cluster", HERE), "topic a is missing")
    assert confirmed(missing, Position(9, "id-9")).detail == "topic a is missing"
    assert has_all(missing, waiting=False).word == "up"
    waiting = has_all(missing, waiting=True)
    assert waiting.word == "down"
    assert confirmed(waiting, Position(9, "id-9")).word == "up"


def test_the_position_outlives_the_session() -> None:
    """Whoever looks at a receiver whose Kafka is away sees how far it came."""
    session = Connected(HERE, "cluster", HERE)
    assert failed(session, "no broker").position == HERE
    assert stopped(failed(session, "no broker"), "they do not fit") == Stopped(HERE, "they do not fit", failures=1)
