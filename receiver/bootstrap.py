"""The one place that knows both sides: it decides what is real, wires it once, and hands it to who runs it."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from receiver import settings as configuration
from receiver.adapters import sqlite_journal
from receiver.adapters.sqlite_journal import Journal
from receiver.adapters.sqlite_outbox import SqliteOutbox
from receiver.admin import make_admin, readiness
from receiver.errors import JournalBusy, ReceiverError
from receiver.settings import Settings

LOCK_WAIT_S = 10.0
"""The children of a service that was just killed need a moment to end."""
LISTEN_BACKLOG = 2048


@contextmanager
def hold_journal(settings: Settings) -> Iterator[tuple[Journal, int]]:
    """Lock, make or check the journal; gives it and the lock's descriptor for children to inherit.

    Raises ``JournalBusy`` when another service holds it for longer than ``LOCK_WAIT_S``, ``JournalError``.
    """
    folder = settings.journal.folder
    deadline_s = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            with sqlite_journal.lock(folder, "journal") as descriptor:
                yield sqlite_journal.open_journal(folder), descriptor
                return
        except JournalBusy:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.1)


def listen(host: str, port: int, section: str) -> socket.socket:
    """Bind and listen; raises ``ReceiverError`` with address and key where it is taken or not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(LISTEN_BACKLOG)
    except OSError as error:
        listener.close()
        raise ReceiverError(
            f"cannot listen on {host}:{port} ({section}.port): {os.strerror(error.errno or 0)}"
        ) from None
    listener.setblocking(False)
    return listener
