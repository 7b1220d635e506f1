"""Over how many partitions a topic's keys go: one suite over the fake outbox and the real one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from receiver.journal.memory.outbox import MemoryOutbox
from receiver.journal.ports import Outbox
from receiver.journal.sqlite.audit import check
from receiver.journal.sqlite.journal import open_journal
from receiver.journal.sqlite.outbox import SqliteOutbox

Opened = Callable[[], Outbox]


@pytest.fixture(params=["fake", "sqlite"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    """Opens one outbox, as each process of a service does."""
    if request.param == "fake":
        only = MemoryOutbox()
        return lambda: only
    folder = tmp_path / "journal"
    open_journal(folder)
    return lambda: SqliteOutbox.open(folder)


def test_a_new_outbox_knows_none(opened: Opened) -> None:
    """As one of before that did not remember any."""
    assert opened().topic_partitions("cluster") == {}


def test_what_was_noted_is_known_after_a_restart_and_the_newest_holds(opened: Opened) -> None:
    """Other topics stay as they are."""
    first = opened()
    first.note_topic_partitions("cluster", {"a": 3, "b": 1})
    first.note_topic_partitions("cluster", {"a": 6})
    first.close()
    assert opened().topic_partitions("cluster") == {"a": 6, "b": 1}


def test_each_cluster_has_its_own(opened: Opened) -> None:
    """On a new cluster no event lies yet whose order could break. Their ids may be anything."""
    outbox = opened()
    for cluster in ("cluster", "cluster2", "clus%", "ä/b"):
        outbox.note_topic_partitions(cluster, {"a": len(cluster)})
    for cluster in ("cluster", "cluster2", "clus%", "ä/b"):
        assert outbox.topic_partitions(cluster) == {"a": len(cluster)}
    assert outbox.topic_partitions("clus") == {}


def test_a_command_notes_one_beside_a_running_service(opened: Opened) -> None:
    """Who asks again sees it at once."""
    service, command = opened(), opened()
    service.note_topic_partitions("cluster", {"a": 3})
    command.note_topic_partitions("cluster", {"a": 6})
    command.close()
    assert service.topic_partitions("cluster") == {"a": 6}


def test_the_journal_is_sound_with_it(tmp_path: Path) -> None:
    """And stays of the format that it has, for a release that does not know of it."""
    folder = tmp_path / "journal"
    open_journal(folder)
    outbox = SqliteOutbox.open(folder)
    outbox.note_topic_partitions("cluster", {"a": 3})
    outbox.close()
    assert check(folder) == []
    open_journal(folder)
