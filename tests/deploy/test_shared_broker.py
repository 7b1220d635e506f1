"""The broker that all workers of a test run share, with a stand-in for the broker itself."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests import shared_broker
from tests.shared_broker import SharedBroker, leave_all

RUNNING: set[int] = set()


class StandIn:
    """A broker that is up at once, and listens nowhere: its port is only its number."""

    def __init__(self, folder: Path, *, port: int, controller: int = 0, properties: str = "") -> None:
        self.properties = properties
        self.port = port

    def start(self) -> None:
        RUNNING.add(self.port)

    def wait_ready(self) -> None:
        pass

    def kill(self) -> None:
        RUNNING.remove(self.port)


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing runs yet."""
    RUNNING.clear()
    monkeypatch.setattr(shared_broker, "LocalKafka", StandIn)
    monkeypatch.setattr(shared_broker, "answers", RUNNING.__contains__)


def test_who_started_it_waits_for_the_others(tmp_path: Path) -> None:
    """One broker for both; it ends with the last, and who comes afterwards starts another."""
    first, second, third, absent = (SharedBroker(tmp_path / "kafka") for _ in range(4))
    port = first.join().port
    assert second.join().port == port
    leaving = threading.Thread(target=first.leave)
    leaving.start()
    leaving.join(0.3)
    assert (leaving.is_alive(), RUNNING) == (True, {port})
    second.leave()
    leaving.join(10)
    assert (leaving.is_alive(), RUNNING) == (False, set())
    assert third.join().port != port
    absent.leave()
    assert len(RUNNING) == 1
    third.leave()
    assert not RUNNING


def test_two_who_each_started_one_do_not_wait_for_each_other(tmp_path: Path) -> None:
    """Each lets go of the other's before it waits for its own to be let go of."""
    (one, his), (other, hers) = ([SharedBroker(tmp_path / name) for _ in range(2)] for name in ("a", "b"))
    one.join()
    other.join()
    his.join()
    hers.join()
    leaving = [threading.Thread(target=leave_all, args=([*joined],)) for joined in ((one, hers), (other, his))]
    for thread in leaving:
        thread.start()
    for thread in leaving:
        thread.join(10)
    assert ([thread.is_alive() for thread in leaving], RUNNING) == ([False, False], set())


def test_options_are_those_of_the_broker(tmp_path: Path) -> None:
    """For whoever starts it."""
    broker = SharedBroker(tmp_path / "kafka", properties="a=b")
    started: object = broker.join()
    assert isinstance(started, StandIn)
    assert started.properties == "a=b"
    broker.leave()


def test_a_broker_whose_starter_was_killed_is_replaced(tmp_path: Path) -> None:
    """Its port is still written down, and nobody answers there."""
    first, second = (SharedBroker(tmp_path / "kafka") for _ in range(2))
    port = first.join().port
    RUNNING.clear()
    assert second.join().port != port
    assert first._present is not None
    first._present.close()  # as the kernel does for a process that was killed
    second.leave()
    assert not RUNNING
