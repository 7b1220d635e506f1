"""The log's way out of a process: a bounded queue, and a thread that writes from it.

Theory of operation. Whoever reads the log can be slow, stopped, gone, or a full disk, and writing then waits or fails;
so nobody but this thread ever writes. Whoever logs only appends to the queue. What finds it full is dropped, and so is
what the system refuses (EPIPE, ENOSPC, EIO, EBADF and all others, since any of them may pass); both are counted, and
said in a line of its own as soon as lines go through again. Nothing waits for the thread, the end of the process for
``CLOSE_S`` at most: a thread that hangs in a write ends with its process.

All processes of a service share one stdout, whose flags are others' too, so it is written to as it is: waiting where it
waits, and asking again where somebody has set O_NONBLOCK. A piece is never larger than what a pipe takes whole or not
at all, so that lines of several processes do not run into each other. Where a file or a terminal takes half a line, the
rest of it comes first, and if that is refused, the next line begins on a line of its own.

The thread sleeps until it is rung for, and then writes every ``TOGETHER_S`` what has come, until nothing has: under
load whoever logs makes no system call.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue

LINES_MAX, BYTES_MAX = 5000, 1024 * 1024
"""Of what waits in one process: some seconds at full load, and no more than a megabyte or two of memory."""
USUAL_SHARE = 0.75
"""Of the queue, for what is merely usual: the rest is kept for warnings and errors."""
PIECE_BYTES_MAX = 4095
"""Written at once: with a newline before it 4096 bytes, Linux' PIPE_BUF. No line with its newline may be longer."""
TOGETHER_S = 0.01
"""How long a usual line waits for others to be written with it."""
RETRY_S = 1.0
"""Between two attempts to say what was lost, and to write to what takes nothing now."""
CLOSE_S = 0.5
"""For what waits when the process ends."""
NEWLINE = ord("\n")


class LogWriter:
    """Writes lines to a descriptor in their order, as long as it takes them; never holds up whoever logs."""

    def __init__(self, descriptor: int, lines_lost: Callable[[int, str], bytes]) -> None:
        """``lines_lost``: makes the line that says how many were lost and why, without its newline."""
        self._descriptor = descriptor
        self._lines_lost = lines_lost
        # Reentrant, as the bell is: the collector may run anywhere in here, and what it finalizes may log.
        self._lock = threading.RLock()
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._idle, self._urgent, self._closing = True, False, False
        self._thread: threading.Thread | None = None
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self.lost = 0
        """Lines dropped since the process started."""
        self._why = ""
        self._told = 0
        """How many of the lost ones were spoken of."""
        self._tell_s = 0.0
        """When that is tried next, of the monotonic clock."""
        self._refused, self._torn = False, False
        """Whether the last write failed, and whether all that was written ends within a line."""

    def later(self, line: bytes) -> None:
        """Write it soon. ``line``: without its newline, shorter than ``PIECE_BYTES_MAX``."""
        with self._lock:
            if self._keep(line, USUAL_SHARE) and self._idle:
                self._idle = False
                self._ring()

    def now(self, line: bytes) -> None:
        """Write it at once, and what waits before it."""
        with self._lock:
            if self._keep(line, 1) and not self._urgent:
                self._idle, self._urgent = False, True
                self._ring()

    def close(self) -> None:
        """Wait for what is still to be written, ``CLOSE_S`` at most; what comes after is not written."""
        with self._lock:
            self._closing = True
            thread = self._thread
            self._bell.put(None)
        if thread is not None:
            thread.join(CLOSE_S)

    def _keep(self, line: bytes, share: float) -> bool:
        if len(self._waiting) >= LINES_MAX * share or self._bytes + len(line) > BYTES_MAX * share:
            self._lose(1, "the log is not read, or not fast enough")
            return False
        self._waiting.append(line)
        self._bytes += len(line)
        return True

    def _lose(self, lines: int, why: str) -> None:
        with self._lock:
            self.lost += lines
            self._why = why

    def _ring(self) -> None:
        # The thread is made with the first line: by then a process has its priority, which its threads take from it.
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="log", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system has no thread left: the next line tries again
                self._idle, self._urgent = True, False
                return
            self._thread = thread
        self._bell.put(None)

    def _run(self) -> None:
        while not self._closing:
            self._wait(RETRY_S if self.lost > self._told else None)
            while not self._work():
                self._wait(RETRY_S)

    def _work(self) -> bool:
        # Write until a pause has brought nothing. False where that is to be tried again.
        try:
            while self._pause() and (self._write_all() or not self._rest()):
                pass
        except Exception as error:  # noqa: BLE001  no memory, above all: the log is to outlive that
            self._lose(0, type(error).__name__)
            return False
        return True

    def _pause(self) -> bool:
        if not self._urgent and not self._closing:
            self._wait(TOGETHER_S)
        return True

    def _wait(self, timeout_s: float | None) -> None:
        with contextlib.suppress(Empty):
            self._bell.get(timeout=timeout_s)

    def _rest(self) -> bool:
        with self._lock:
            self._idle = not self._waiting
            return self._idle

    def _write_all(self) -> bool:
        wrote = False
        while piece := self._take():
            self._tell()
            self._write(piece)
            wrote = True
        self._tell()
        return wrote

    def _take(self) -> bytes:
        # As many whole lines as a piece holds.
        taken: list[bytes] = []
        size = 0
        with self._lock:
            self._urgent = False
            while self._waiting and (not taken or size + len(self._waiting[0]) < PIECE_BYTES_MAX):
                taken.append(self._waiting.popleft())
                size += len(taken[-1]) + 1
            self._bytes -= size - len(taken)
        return b"\n".join([*taken, b""])

    def _tell(self) -> None:
        # Not before every piece: a reader that is merely slow would read of nothing else.
        if self.lost == self._told or time.monotonic() < self._tell_s:
            return
        with self._lock:
            count, why = self.lost - self._told, self._why
        if self._write(self._lines_lost(count, why) + b"\n", counts=False):
            self._told += count
        self._tell_s = time.monotonic() + RETRY_S

    def _write(self, piece: bytes, *, counts: bool = True) -> bool:
        rest = b"\n" + piece if self._torn else piece
        while rest:
            try:
                written = os.write(self._descriptor, rest)
            except BlockingIOError:
                self._wait_for_room()
                continue
            except OSError as error:
                if counts:
                    self._lose(min(rest.count(b"\n"), piece.count(b"\n")), error.strerror or type(error).__name__)
                self._refused = True
                return False
            if written:
                self._torn = rest[written - 1] != NEWLINE
            rest = rest[written:]
        if self._refused:
            self._refused, self._tell_s = False, 0.0
        return True

    def _wait_for_room(self) -> None:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        poll.poll(RETRY_S * 1000)
        time.sleep(TOGETHER_S)  # a terminal can say that it has room and take nothing
