"""How a child process is started: on this code and no other, and deaf to what is sent to the whole group.

A service manager stops every process of a service at once, and a terminal does at Ctrl-C. The order in which a service
drains is the supervisor's to keep, so the children take its orders and leave such signals alone, from their first
instruction on: it holds the signals back while it starts them, which they inherit, and they ignore them before they let
them in.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import orjson

from receiver.journal.slots import HeldSlot
from receiver.model.log import Log
from receiver.service.process import Role

GROUP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""What reaches every process of a group: a service manager's stop, Ctrl-C, a terminal that goes away."""
HOME = str(Path(__file__).resolve().parents[2])
"""The folder in which ``receiver`` was found."""
_held: list[None] = []
"""One for each start under way, since several overlap."""


def command(role: Role, descriptors: Mapping[str, int], held: HeldSlot | None = None) -> list[str]:
    """The command line of a child; ``held`` is the slot of the journal that it acts for, where it acts for one.

    ``-P`` keeps the current folder off its path, where a ``logging.py`` or a ``receiver`` of somebody else may lie. Not
    ``-I``, which would drop ``PYTHONPATH`` too: an installation may live there, and tests reach the children by it.
    """
    slot = [] if held is None else [str(held.slot), str(held.epoch)]
    return [sys.executable, "-P", "-m", "receiver.service.child", role, *slot, orjson.dumps(descriptors).decode()]


def environment(environ: Mapping[str, str], without: Collection[str] = ()) -> dict[str, str]:
    """A child's environment: ours but for some variables, with a ``PYTHONPATH`` by which it finds this same code.

    An empty entry of it means the current folder, mostly by an unset variable in ``$MORE:/opt/x``: it is left out. A
    checkout that is not installed, and was found because ``python -m receiver`` ran in it, is named.
    """
    paths = [path for path in environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    if sys.path and os.path.realpath(sys.path[0]) == HOME and HOME not in paths:
        paths.append(HOME)
    rest = {name: value for name, value in environ.items() if name != "PYTHONPATH" and name not in without}
    return {**rest, "PYTHONPATH": os.pathsep.join(paths)} if paths else rest


@contextmanager
def signals_held_back() -> Iterator[None]:
    """What is started meanwhile begins with the signals of the group blocked; to us they come a moment later."""
    _held.append(None)
    signal.pthread_sigmask(signal.SIG_BLOCK, GROUP_SIGNALS)
    try:
        yield
    finally:
        _held.pop()
        if not _held:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, GROUP_SIGNALS)


def log_what_nobody_catches(log: Log) -> None:
    """Make one line of the log of an error in a thread or while something is cleared away, and of no traceback."""
    sys.unraisablehook = lambda lost: log.error("serve.uncaught", exc_info=lost.exc_value)
    threading.excepthook = lambda lost: log.error("serve.uncaught", exc_info=lost.exc_value)


def ignore_group_signals() -> None:
    """In a child, before anything else: what was held back is dropped, and so is what comes."""
    for number in GROUP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, GROUP_SIGNALS)
