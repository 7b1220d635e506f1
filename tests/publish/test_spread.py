"""Over how many partitions keys go: the number that a topic was first seen with, until a person takes another."""

from __future__ import annotations

from receiver.journal.memory.outbox import MemoryOutbox
from receiver.publish.spread import Change, RememberedSpread, changes
from tests.support import Lines

CLUSTER = "cluster"


def spread(outbox: MemoryOutbox) -> tuple[RememberedSpread, Lines]:
    """As the publish process has it, with its log."""
    log = Lines()
    return RememberedSpread(outbox, log), log


def test_a_topic_keeps_the_number_that_it_was_first_seen_with() -> None:
    """After a restart too: it is in the outbox."""
    outbox = MemoryOutbox()
    assert spread(outbox)[0].over(CLUSTER, {"a": 3, "b": 1}, fresh=True) == {"a": 3, "b": 1}
    assert spread(outbox)[0].over(CLUSTER, {"a": 6, "b": 1}, fresh=True) == {"a": 3, "b": 1}
    assert spread(outbox)[0].over("another", {"a": 6}, fresh=True) == {"a": 6}


def test_a_change_is_said_once_and_until_it_is_accepted() -> None:
    """And again when it changes further."""
    outbox = MemoryOutbox()
    one, log = spread(outbox)
    one.over(CLUSTER, {"a": 3}, fresh=True)
    assert one.changed == []
    for _ in range(3):
        one.over(CLUSTER, {"a": 6}, fresh=True)
    assert one.changed == [Change("a", 6, 3)]
    one.over(CLUSTER, {"a": 7}, fresh=True)
    assert [name for _, name, _ in log.lines] == ["relay.partitions_changed"] * 2
    assert log.lines[0][2] == {"topic": "a", "partitions": 6, "keys_go_over": 3}
    outbox.note_topic_partitions(CLUSTER, {"a": 7})
    one.over(CLUSTER, {"b": 1}, fresh=True)
    assert one.changed == [], "whatever topic is published to next"
    assert one.over(CLUSTER, {"a": 7}, fresh=True) == {"a": 7}
    assert log.lines[-1][1] == "relay.partitions_settled"


def test_what_a_change_means_is_said_with_what_to_do() -> None:
    """Of one that cannot go on, too."""
    assert str(Change("a", 6, 3)) == (
        "topic a has 6 partitions, and its keys go over 3: the others stay empty, so that the order of each operation "
        "holds; `receiver topics accept a` takes the new number"
    )
    assert "made anew with fewer, and nothing goes to it; `receiver topics accept a`" in str(Change("a", 1, 3))


def test_only_what_is_remembered_can_have_changed() -> None:
    """A topic that was never seen is as it should be."""
    assert changes({"a": 1, "b": 2, "c": 3}, {"b": 2, "c": 1, "d": 4}) == [Change("c", 3, 1)]


def test_what_may_be_old_tells_of_more_and_takes_nothing_back() -> None:
    """A producer learns of new partitions some seconds after the look that found them, and of accepted ones too."""
    outbox = MemoryOutbox()
    one, log = spread(outbox)
    one.over(CLUSTER, {"a": 3}, fresh=True)
    one.over(CLUSTER, {"a": 6}, fresh=True)
    assert one.over(CLUSTER, {"a": 3}, fresh=False) == {"a": 3}
    assert one.changed == [Change("a", 6, 3)]
    outbox.note_topic_partitions(CLUSTER, {"a": 6})
    assert one.over(CLUSTER, {"a": 3}, fresh=False) == {"a": 6}
    assert one.changed == []
    assert [name for _, name, _ in log.lines] == ["relay.partitions_changed", "relay.partitions_settled"]
    one.over(CLUSTER, {"a": 9}, fresh=False)
    assert one.changed == [Change("a", 9, 6)]
    one.over(CLUSTER, {"a": 6}, fresh=True)
    assert one.changed == [], "it was made anew as it was"
