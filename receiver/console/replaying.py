"""A replay to a receiver of this machine, begun at the console: one at a time, in a thread of its own.

It is what ``receiver replay --to http`` is: each operation in its order, signed anew, and how far it came is written
down now and then, so that a run that was stopped goes on where it stood, here or by the command.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import threading
from dataclasses import dataclass, field

from receiver.model.errors import ReceiverError
from receiver.model.hosts import is_loopback, parts_of
from receiver.operate.context import Context
from receiver.operate.export_callbacks import count, items
from receiver.operate.replay_callbacks import Done, HttpReplay, Pace
from receiver.operate.selection import Filter

SAVE_S = 1.0
"""Between two notes of how far a run came."""
RUN = re.compile(r"[0-9a-f]{8}")


@dataclass(slots=True)
class Run:
    """One run, as a page shows it."""

    run_id: str
    url: str
    who: str
    began_s: float
    phase: str = "counting"
    """``counting``, ``sending``, ``ended``."""
    total: int | None = None
    """Callbacks chosen; None while they are counted."""
    done: int = 0
    failed: int = 0
    answers: dict[str, int] = field(default_factory=dict)
    why: str = ""
    """Why it ended before its time."""
    ended_s: float | None = None


class Replays:
    """The run under way, or the last one."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._run: Run | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sending: HttpReplay | None = None
        self._stopped = ""

    def start(self, wanted: Filter, url: str, who: str, resumed: str | None = None) -> Run:
        """Begin; raises ``ReceiverError`` for another machine, while a run is under way, and for an unknown run."""
        parts = parts_of(url)
        if parts is None or parts.scheme not in {"http", "https"} or not is_loopback(parts.hostname or ""):
            raise ReceiverError("a replay from here goes to this machine alone: `receiver replay` goes further")
        if self._thread is not None and self._thread.is_alive():
            raise ReceiverError("a run is under way: stop it, or let it end")
        done = Done()
        if resumed is not None:
            state = self._context.runs.load(resumed) if RUN.fullmatch(resumed) else None
            if state is None:
                raise ReceiverError(f"{resumed} is no run")
            done = Done(state["low"], set(state["beyond"]))
        run = Run(resumed or secrets.token_hex(4), url, who, self._context.clock.monotonic_s())
        self._run, self._stopped = run, ""
        sending = HttpReplay(url, self._context.sources, Pace(), done, as_received=False)
        self._sending = sending
        self._thread = threading.Thread(
            target=self._work, args=(run, wanted, sending), name="console-replay", daemon=True
        )
        self._thread.start()
        return run

    def stop(self, why: str) -> None:
        """Begin no further callback of it."""
        self._stopped = self._stopped or why
        loop, sending = self._loop, self._sending
        if loop is not None and sending is not None:
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                loop.call_soon_threadsafe(sending.stop, why)

    def now(self) -> Run | None:
        """The run under way or the last one; None where there was none."""
        run, sending = self._run, self._sending
        if run is not None and sending is not None:
            run.done, run.failed = sending.results.done, sending.results.failed
            run.answers = dict(sending.results.answers)
        return run

    def rate(self, run: Run) -> float:
        """Callbacks a second that were answered so far."""
        end_s = run.ended_s if run.ended_s is not None else self._context.clock.monotonic_s()
        return (run.done + run.failed) / max(end_s - run.began_s, 0.001)

    def close(self) -> None:
        """Stop, and wait a moment for what is under way."""
        self.stop("the console ended")
        if self._thread is not None:
            self._thread.join(SAVE_S)

    def _work(self, run: Run, wanted: Filter, sending: HttpReplay) -> None:
        try:
            run.total, _ = count(self._context, wanted)
            run.phase = "sending"
            asyncio.run(self._send(run, wanted, sending))
            run.why = sending.results.stopped
        except ReceiverError as error:
            run.why = str(error)
        except Exception as error:
            run.why = "an error of ours; the log has it"
            self._context.log.error("console.bug", path="/replay", exc_info=error)
        finally:
            run.ended_s = self._context.clock.monotonic_s()
            run.phase = "ended"
            results = sending.results
            self._context.log.info(
                "console.replayed", who=run.who, run=run.run_id, done=results.done, failed=results.failed
            )

    async def _send(self, run: Run, wanted: Filter, sending: HttpReplay) -> None:
        self._loop = asyncio.get_running_loop()
        if self._stopped:
            sending.stop(self._stopped)
        saving = asyncio.create_task(self._save_now_and_then(run, sending))
        try:
            await sending.run(items(self._context, wanted, sending.done.low), lambda _: None)
        finally:
            saving.cancel()
            self._save(run, sending)

    async def _save_now_and_then(self, run: Run, sending: HttpReplay) -> None:
        while True:
            await asyncio.sleep(SAVE_S)
            self._save(run, sending)

    def _save(self, run: Run, sending: HttpReplay) -> None:
        state = {"low": sending.done.low, "beyond": sorted(sending.done.beyond)}
        self._context.runs.save(run.run_id, state)
