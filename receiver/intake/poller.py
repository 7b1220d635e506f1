"""Asks the kernel which sockets are ready, a few at a time, and not as the loop does it.

libuv, which is below the loop, goes through up to 48 times 1024 ready sockets before anybody else has a turn. Measured:
4200 connections that each send 100 bytes of a body at the same moment hold up everybody for 130 ms. So connections are
watched by an epoll of their own. The loop watches nothing but that one, and each time that it is ready at most
``READY_MAX`` of its sockets are looked at. The kernel tells of them in turns, so that none is passed over.
"""

from __future__ import annotations

import asyncio
import select
import selectors
from collections.abc import Callable
from typing import Any, Protocol

READY_MAX = 64
"""Sockets that are looked at in one turn of the loop: 2 ms, where each of them has a request."""
READ, WRITE = 1, 4
"""As epoll has them (``EPOLLIN``, ``EPOLLOUT``); whatever else it tells, an end or an error, is found by reading."""


class Watcher(Protocol):
    """Who has a socket that is watched."""

    def ready(self, events: int) -> None:
        """It can be read or written, or has an error."""

    def failed(self, error: Exception) -> None:
        """``ready`` raised what it should not have raised: give the socket up."""


class Asked(Protocol):
    """What tells which descriptors are ready: ``select.epoll``, or what stands for it."""

    def fileno(self) -> int:
        """What the loop watches."""

    def register(self, descriptor: int, events: int, /) -> None:
        """Watch one more."""

    def modify(self, descriptor: int, events: int, /) -> None:
        """Watch for something else."""

    def unregister(self, descriptor: int, /) -> None:
        """Watch it no more."""

    def poll(self, timeout_s: float, count_max: int, /) -> list[tuple[int, int]]:
        """Descriptors and their events."""

    def close(self) -> None:
        """Watch none any more."""


class Selected:
    """The same where there is no epoll: on macOS, by kqueue. It tells of all that are ready at once."""

    def __init__(self, selector: Any) -> None:
        """``selector``: one of ``selectors`` with a ``fileno``, which they do not all have."""
        self._selector = selector

    def fileno(self) -> int:
        """What the loop watches."""
        return int(self._selector.fileno())

    def register(self, descriptor: int, events: int) -> None:
        """Watch one more."""
        self._selector.register(descriptor, _as_selector_has_it(events))

    def modify(self, descriptor: int, events: int) -> None:
        """Watch for something else."""
        self._selector.modify(descriptor, _as_selector_has_it(events))

    def unregister(self, descriptor: int) -> None:
        """Watch it no more."""
        self._selector.unregister(descriptor)

    def poll(self, timeout_s: float, count_max: int) -> list[tuple[int, int]]:
        """Descriptors and their events."""
        del count_max
        return [(key.fd, _as_epoll_has_it(events)) for key, events in self._selector.select(timeout_s)]

    def close(self) -> None:
        """Watch none any more."""
        self._selector.close()


class Poller:
    """The watched sockets of one listener."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, begin_turn: Callable[[], None], asked: Asked | None = None
    ) -> None:
        """``begin_turn`` is called before any of them is told."""
        self._loop = loop
        self._begin_turn = begin_turn
        self._asked: Asked = asked or _best()
        self._watchers: dict[int, Watcher] = {}
        self._closed = False
        loop.add_reader(self._asked.fileno(), self._look)

    def watch(self, descriptor: int, watcher: Watcher, events: int) -> None:
        """Tell ``watcher`` when a descriptor is ready for ``events``; 0: not any more.

        One that is watched for nothing is taken out, since the kernel tells of an end in any case, again and again.
        """
        before = self._watchers.get(descriptor)
        if self._closed:
            return
        if events:
            self._watchers[descriptor] = watcher
            (self._asked.register if before is None else self._asked.modify)(descriptor, events)
        elif before is not None:
            del self._watchers[descriptor]
            self._asked.unregister(descriptor)

    def hand_over(self, descriptor: int, watcher: Watcher) -> None:
        """Somebody else is told of a descriptor that is watched, of the same events."""
        self._watchers[descriptor] = watcher

    def close(self) -> None:
        """Watch none any more."""
        self._closed = True
        self._loop.remove_reader(self._asked.fileno())
        self._asked.close()
        self._watchers.clear()

    def _look(self) -> None:
        watchers = self._watchers
        self._begin_turn()
        for descriptor, events in self._asked.poll(0, READY_MAX):
            watcher = watchers.get(descriptor)
            if watcher is None:  # closed in the turn of one before it
                continue
            try:
                watcher.ready(events)
            except Exception as error:  # noqa: BLE001  one connection's; the others are not to end for it
                watcher.failed(error)


def _best() -> Asked:
    return select.epoll() if hasattr(select, "epoll") else Selected(selectors.DefaultSelector())


def _as_selector_has_it(events: int) -> int:
    return (selectors.EVENT_READ if events & READ else 0) | (selectors.EVENT_WRITE if events & WRITE else 0)


def _as_epoll_has_it(events: int) -> int:
    return (READ if events & selectors.EVENT_READ else 0) | (WRITE if events & selectors.EVENT_WRITE else 0)
