"""Loopback ports for what tests start: no two processes are ever given the same one."""

from __future__ import annotations

import contextlib
import itertools
import random
import socket
from collections.abc import Iterator

PORTS = range(20_000, 32_000)
"""Where ports are taken: below the range from which a system gives outgoing connections theirs, so that none of those
can take a port between the moment that it was found free and the moment that a service listens on it."""
BLOCK = 100
"""Ports that one process takes together. It listens on the first of them for as long as it lives, so that no other
process, a second run of the tests neither, gives away any of the block, however long nothing listens on the others."""


def _blocks() -> Iterator[int]:
    """First ports of blocks that are this process's own from now on."""
    firsts = list(PORTS[::BLOCK])
    random.SystemRandom().shuffle(firsts)
    for first in firsts:
        holder = socket.socket()
        try:
            holder.bind(("127.0.0.1", first))
            holder.listen()
        except OSError:
            holder.close()
            continue
        holder.detach()  # it stays open, and nobody is told at the end that it does
        yield first


def _ports() -> Iterator[int]:
    """Each port of the blocks once; when no block is to be had any more, those of this process's blocks again."""
    given: list[int] = []
    for first in _blocks():
        for port in range(first + 1, first + BLOCK):
            given.append(port)
            yield port
    yield from itertools.cycle(given)


_next_ports = _ports()


def free_port() -> int:
    """A loopback port on which nothing listens, and which nobody else is given while this process lives.

    Raises RuntimeError where every port is taken.
    """
    for port in itertools.islice(_next_ports, len(PORTS)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError(f"every port from {PORTS.start} to {PORTS.stop - 1} is taken")
