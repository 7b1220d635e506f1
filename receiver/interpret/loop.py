"""The interpreter's loop: a new callback wakes it, it waits a little for others, and interprets them on a thread.

While callbacks keep coming, this loop sets the pace for all that comes after it: each of its commits is an fsync,
which delays the fsyncs that callbacks wait for, and soon afterwards a transaction at Kafka. So it keeps some distance
between its batches, and small batches are avoided.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from receiver.interpret.interpreter import BATCH_MAX, Interpreter
from receiver.model.errors import Fenced, StoreFailed
from receiver.model.log import Log

POLL_S = 0.5
"""Between two looks at the inbox without a wake-up, s: a wake-up can be lost, and delays a callback by so much then."""
CHORES_S = 0.05
"""The same while there are chores left to do."""
RETRY_S = 1.0
"""After the disk refused a batch, until it is tried again, s."""
PACE_S = 0.04
"""Between the beginnings of two batches while the loop keeps up, s; twice ``kafka.wait_ms`` where that is less.
Measured at 1000/s on two slow cores, together with a publisher that pauses for 20 ms in the place of 40: a consumer's
p50 of 88 ms for 119, and of the answers, above an fsync, 0.83 ms for 1.00; ten rounds."""


def batch_window_s(wait_s: float, since_s: float) -> float:
    """How long to wait for more callbacks before a batch begins, s.

    ``since_s`` is the time from the beginning of the last batch to the callback that waits, ``wait_s`` the setting
    ``kafka.wait_ms`` in seconds.
    """
    return max(wait_s, min(PACE_S, 2 * wait_s) - since_s)


class InterpreterLoop:
    """Runs an interpreter on a thread of its own, woken by new callbacks."""

    def __init__(  # noqa: PLR0913  wired once, by name
        self,
        interpreter: Interpreter,
        *,
        wait_s: float,
        on_records: Callable[[], None],
        log: Log,
        chores: Callable[[], bool] = lambda: False,
        poll_s: float = POLL_S,
    ) -> None:
        """``wait_s`` is how long a callback waits at least for others to share its batch.

        ``on_records`` is called after each commit, on the event loop. ``chores`` is called on the interpreter's
        thread between two batches, as long as the loop keeps up; it says whether there are more to do. ``poll_s`` is
        the time between two looks without a wake-up, s: short where others append who cannot wake us.
        """
        self._poll_s = poll_s
        self._chores = chores
        self._interpreter = interpreter
        self._wait_s = wait_s
        self._on_records = on_records
        self._log = log
        self._work = asyncio.Event()
        self._stopping = False
        self._began_s = -math.inf
        """When the last batch began that was not empty, by the event loop's clock."""
        self.detail: str | None = None
        """Why the last batch was refused; None while batches are committed."""

    def wake(self) -> None:
        """The inbox has something new."""
        self._work.set()

    def stop(self) -> None:
        """Let ``run`` return once nothing is left to interpret, or at once where the disk refuses the rest."""
        self._stopping = True
        self._work.set()

    async def run(self) -> None:
        """Interpret until ``stop`` was called and nothing is left in the inbox; raises ``Fenced``."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, "interpreter") as thread:
            while True:
                self._work.clear()
                now_s = loop.time()
                more = False
                try:
                    count = await loop.run_in_executor(thread, self._interpreter.step)
                    if count:
                        self._began_s = now_s
                        self._on_records()
                    if count < BATCH_MAX and not self._stopping:
                        more = await loop.run_in_executor(thread, self._chores)
                except Fenced:  # trying again would never help
                    raise
                except StoreFailed as error:
                    count = 0
                    await self._refused(error)
                else:
                    self.detail = None
                if self._stopping and not count:
                    return
                if count < BATCH_MAX and not self._stopping:
                    await self._wait_for_batch(min(CHORES_S, self._poll_s) if more else self._poll_s)

    async def _wait_for_batch(self, within_s: float) -> None:
        # For a callback, ``within_s`` at most, and then a little longer for others. Measured: small batches cost most.
        try:
            await asyncio.wait_for(self._work.wait(), within_s)
        except TimeoutError:
            return
        await asyncio.sleep(batch_window_s(self._wait_s, asyncio.get_running_loop().time() - self._began_s))

    async def _refused(self, error: StoreFailed) -> None:
        self.detail = str(error)
        self._log.error("outbox.refused", why=str(error))
        if not self._stopping:
            await asyncio.sleep(RETRY_S)
