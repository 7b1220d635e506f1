"""The interpreter's loop: woken by new callbacks, waiting out a batch window, on a thread of its own.

While callbacks keep coming it sets the pace of all that follows: each of its commits is an fsync, which callbacks wait
for too, and soon a transaction of Kafka's.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from receiver.interpret.interpreter import BATCH_MAX, Interpreter
from receiver.model.errors import StoreFailed

POLL_S = 0.5
"""How long a lost wake-up can delay a callback: a wake-up is a hint, the inbox is the truth."""
CHORES_S = 0.05
"""The same while there are chores left."""
RETRY_S = 1.0
"""After the disk refused a batch."""
PACE_S = 0.04
"""At most between the beginnings of two batches while it is not behind; twice the batch window where that is less.
Measured at 1000/s on two slow cores, together with a publisher that pauses for 20 ms in the place of 40: a consumer's
p50 of 88 ms for 119, and of the answers, above an fsync, 0.83 ms for 1.00; ten rounds."""


def batch_window_s(wait_s: float, since_s: float) -> float:
    """How long to wait for more callbacks before a batch begins, s.

    ``since_s`` is how long after the last batch the first of them came, ``wait_s`` the setting ``kafka.wait_ms``.
    """
    return max(wait_s, min(PACE_S, 2 * wait_s) - since_s)


class InterpreterLoop:
    """Runs an interpreter on a thread of its own, woken by new callbacks."""

    def __init__(
        self,
        interpreter: Interpreter,
        *,
        wait_s: float,
        on_records: Callable[[], None],
        log: Any,
        chores: Callable[[], bool] = lambda: False,
    ) -> None:
        """``wait_s`` is how long a callback that comes alone waits for others.

        ``chores`` is called between batches whenever it is not behind; it says whether there are more to do.
        """
        self._chores = chores
        self._interpreter = interpreter
        self._wait_s = wait_s
        self._on_records = on_records
        self._log = log
        self._work = asyncio.Event()
        self._stopping = False
        self._began_s = -math.inf
        """The last batch that was not empty."""
        self.detail: str | None = None
        """Why nothing is interpreted, while that is so."""

    def wake(self) -> None:
        """The inbox has something new."""
        self._work.set()

    def stop(self) -> None:
        """Finish what is in the inbox, then return from ``run``."""
        self._stopping = True
        self._work.set()

    async def run(self) -> None:
        """Interpret until ``stop``."""
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
                except StoreFailed as error:
                    count = 0
                    await self._refused(error)
                else:
                    self.detail = None
                if self._stopping and not count:
                    return
                if count < BATCH_MAX and not self._stopping:
                    await self._wait_for_batch(CHORES_S if more else POLL_S)

    async def _wait_for_batch(self, within_s: float) -> None:
        # Not behind: wait for a callback, and then a little longer for others. Measured: small batches are what costs.
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
