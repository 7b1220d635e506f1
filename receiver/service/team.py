"""Children that come and go together: those that act for one slot of a journal, or by one lease."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from receiver.service.watched_child import Child


class ChildTeam:
    """``slot_holder.Team`` of real children."""

    def __init__(self, children: Sequence[Child], close: Callable[[], None] = lambda: None) -> None:
        """``close`` is called once all have ended: it closes what they shared."""
        self.children = tuple(children)
        self._close = close
        self._running: list[asyncio.Task[None]] = []
        self._closed = False

    def start(self) -> None:
        """Have them run, and start again whoever dies."""
        self._running = [asyncio.create_task(child.run()) for child in self.children]

    async def stop(self, timeout_s: float) -> None:
        """Have them finish what they are at, and kill whoever takes longer than ``timeout_s``."""
        await asyncio.gather(*(child.stop(timeout_s) for child in self.children))
        await self._end()

    async def kill(self) -> None:
        """End them at once."""
        await asyncio.gather(*(child.kill() for child in self.children))
        await self._end()

    async def run(self) -> None:
        """Have them run until they are stopped; raises why one of them is not started again, and leaves the others."""
        self.start()
        await asyncio.wait(self._running, return_when=asyncio.FIRST_EXCEPTION)
        failed = self.failed()
        if failed is not None:
            raise failed

    async def ended(self) -> None:
        """Wait for the end of those that were stopped one by one."""
        await self._end()

    def failed(self) -> BaseException | None:
        """Why one of them is not started again, None while all are."""
        done = (task.exception() for task in self._running if task.done() and not task.cancelled())
        return next((error for error in done if error is not None), None)

    async def _end(self) -> None:
        await asyncio.gather(*self._running, return_exceptions=True)
        if not self._closed:
            self._closed = True
            with contextlib.suppress(OSError):
                self._close()
