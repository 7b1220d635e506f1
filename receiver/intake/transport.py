"""A connection's transport as the protocol sees it: writes that are joined, and reading that stops for two reasons."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


class JoiningTransport:
    """A connection's transport, on which the head of an answer waits for its body: one system call for both.

    Counted: uvicorn makes two system calls for an answer of two bytes, and the caller reads twice.

    Reading stops while a body waits for the application (``pause_reading``, uvicorn's), and while the caller has to
    wait for its turn (``hold``); neither of the two undoes the other. ``resumed`` is called when the first is over.
    """

    __slots__ = ("_head", "_held", "_paused", "_resumed", "_stopped", "_transport", "is_closing")

    def __init__(self, transport: asyncio.Transport, resumed: Callable[[], None]) -> None:
        self._transport = transport
        self._resumed = resumed
        self._head = b""
        self._held = self._paused = self._stopped = False
        self.is_closing = transport.is_closing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def get_extra_info(self, _name: str, default: Any = None) -> Any:
        """Nothing: who calls is known from ``accept``, and finding it out again costs each connection system calls."""
        return default

    def pause_reading(self) -> None:
        """A body waits for the application."""
        self._paused = True
        self._apply()

    def resume_reading(self) -> None:
        """It waits no more."""
        self._paused = False
        self._apply()
        self._resumed()

    def hold(self) -> None:
        """The caller has to wait: nothing more is read of it."""
        self._held = True
        self._apply()

    def release(self) -> None:
        """The caller waits no more."""
        if self._held:
            self._held = False
            self._apply()

    def _apply(self) -> None:
        stop = self._paused or self._held
        if stop != self._stopped and not self._transport.is_closing():
            self._stopped = stop
            if stop:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def write(self, data: bytes) -> None:
        """Write, or wait for what follows."""
        if not self._head and data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 100"):
            self._head = data
        else:
            head, self._head = self._head, b""
            self._transport.write(head + data)

    def flush(self) -> None:
        """Write a head that no body followed."""
        if self._head:
            self.write(b"")

    def close(self) -> None:
        """Write what waits, and close."""
        self.flush()
        self._transport.close()

    def write_eof(self) -> None:
        """Write what waits, and say that no more comes."""
        self.flush()
        self._transport.write_eof()
