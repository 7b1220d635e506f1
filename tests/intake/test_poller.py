"""Which sockets are ready: a few at a time, each in its turn, and whatever one of them does, the others are told."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from receiver.intake.poller import READ, READY_MAX, WRITE, Asked, Poller, Selected


class Loop:
    """A loop that looks when it is told to."""

    def __init__(self) -> None:
        self.look: Callable[[], None] | None = None

    def add_reader(self, descriptor: int, call: Callable[[], None]) -> None:
        assert descriptor >= 0
        self.look = call

    def remove_reader(self, descriptor: int) -> None:
        assert descriptor >= 0
        self.look = None


class Watcher:
    """Reads nothing, so that its socket stays ready."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.told: list[int] = []
        self.errors: list[Exception] = []
        self.fault = fault
        self.then: Callable[[], None] | None = None

    def ready(self, events: int) -> None:
        self.told.append(events)
        if self.then is not None:
            self.then()
        if self.fault is not None:
            raise self.fault

    def failed(self, error: Exception) -> None:
        self.errors.append(error)


class World:
    """A poller, and pairs of sockets."""

    def __init__(self, asked: Asked | None) -> None:
        self.loop = Loop()
        self.turns = 0
        self.poller = Poller(cast("Any", self.loop), self.begin_turn, asked)
        self.pairs: list[tuple[socket.socket, socket.socket]] = []

    def watched(self, watcher: Watcher | None = None, events: int = READ) -> tuple[socket.socket, Watcher]:
        """The other end of a socket that is watched."""
        ours, theirs = pair = socket.socketpair()
        self.pairs.append(pair)
        watcher = watcher or Watcher()
        self.poller.watch(ours.fileno(), watcher, events)
        return theirs, watcher

    def begin_turn(self) -> None:
        self.turns += 1

    def look(self) -> None:
        """One turn of the loop."""
        assert self.loop.look is not None
        self.loop.look()


@pytest.fixture(params=["the best of this system", "what there is elsewhere"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """With an epoll where there is one, and with what stands for it."""
    made = World(Selected(selectors.DefaultSelector()) if "elsewhere" in request.param else None)
    yield made
    if made.loop.look is not None:
        made.poller.close()
    for pair in made.pairs:
        for end in pair:
            end.close()


def test_a_burst_is_looked_at_a_few_at_a_time_and_nobody_is_passed_over() -> None:
    """Each that stays ready is told once before any is told again."""
    world = World(None)
    watchers = [Watcher() for _ in range(3 * READY_MAX)]
    for watcher in watchers:
        world.watched(watcher)[0].send(b"x")
    for turn in range(1, 4):
        world.look()
        assert sum(len(watcher.told) for watcher in watchers) == turn * READY_MAX
        assert world.turns == turn
    assert {len(watcher.told) for watcher in watchers} == {1}
    world.poller.close()
    for pair in world.pairs:
        for end in pair:
            end.close()


def test_who_is_ready_for_what_it_watches_is_told(world: World) -> None:
    """Reading, writing or both; who is not ready is told nothing."""
    reading, reader = world.watched()
    _, writer = world.watched(events=WRITE)
    _, silent = world.watched()
    reading.send(b"x")
    world.look()
    assert (reader.told, writer.told, silent.told) == ([READ], [WRITE], [])
    world.poller.watch(world.pairs[0][0].fileno(), reader, READ | WRITE)
    world.look()
    assert reader.told == [READ, READ | WRITE]


def test_who_watches_for_nothing_is_told_of_no_end_either(world: World) -> None:
    """Else a caller that is gone would keep the loop busy; it can be watched again."""
    other, watcher = world.watched()
    descriptor = world.pairs[0][0].fileno()
    world.poller.watch(descriptor, watcher, 0)
    world.poller.watch(descriptor, watcher, 0)
    other.close()
    world.look()
    assert watcher.told == []
    world.poller.watch(descriptor, watcher, READ)
    world.look()
    assert [events & READ for events in watcher.told] == [READ]


def test_somebody_else_is_told_once_it_took_over(world: World) -> None:
    """With nothing asked of the kernel."""
    other, before = world.watched()
    after = Watcher()
    world.poller.hand_over(world.pairs[0][0].fileno(), after)
    other.send(b"x")
    world.look()
    assert (before.told, after.told) == ([], [READ])


def test_what_one_does_wrong_is_its_own(world: World) -> None:
    """It is told, and the others have their turn."""
    fault = ValueError("no")
    watchers = [world.watched(Watcher(fault))[1] for _ in range(3)]
    for _, theirs in world.pairs:
        theirs.send(b"x")
    world.look()
    assert [len(watcher.told) for watcher in watchers] == [1, 1, 1]
    assert [watcher.errors for watcher in watchers] == [[fault]] * 3


def test_who_is_closed_by_one_before_it_is_told_nothing(world: World) -> None:
    """Though the kernel had told of both."""
    first, second = Watcher(), Watcher()
    for watcher in (first, second):
        world.watched(watcher)[0].send(b"x")
    descriptors = [ours.fileno() for ours, _ in world.pairs]
    first.then = lambda: world.poller.watch(descriptors[1], second, 0)
    second.then = lambda: world.poller.watch(descriptors[0], first, 0)
    world.look()
    assert sorted([first.told, second.told]) == [[], [READ]]


def test_a_poller_that_is_closed_watches_nothing(world: World) -> None:
    """A connection that ends later says so in vain, and nothing breaks."""
    _, watcher = world.watched()
    world.poller.close()
    assert world.loop.look is None
    world.poller.watch(world.pairs[0][0].fileno(), watcher, 0)
    world.poller.watch(world.pairs[0][0].fileno(), watcher, READ)
    assert watcher.told == []
