"""The child processes of ``receiver serve``; ``launch`` has their command line, which is not for people.

A child reports to the supervisor over its link several times a second, is told over it to drain or to read the secrets
again, and ends when the link closes. SIGTERM, SIGHUP and Ctrl-C are the supervisor's: see ``launch``. The collector is
frozen after start-up and runs rarely: measured, it takes the p99 of the intake process from 18 to 5 ms. Until then it
is off: of what is read and made at a start nearly nothing is garbage, and to look for it took a quarter of the time.
"""

from __future__ import annotations

import gc

if __name__ == "__main__":  # before all that follows is read
    gc.disable()

import asyncio
import contextlib
import ctypes
import math
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import cast

import orjson
import uvloop

from receiver.interpret.poison import MEMORY_EXIT
from receiver.journal.slots import HeldSlot
from receiver.model.errors import ConfigurationError, Fenced, JournalError, ReceiverError, StoreFailed
from receiver.model.log import Log
from receiver.service import logs
from receiver.service.config.journal_keys import resolve_keys
from receiver.service.core_dumps import forbid_core_dumps
from receiver.service.launch import ignore_group_signals, log_what_nobody_catches
from receiver.service.passed_on import read_passed_on
from receiver.service.process import FENCED_EXIT, RELOAD, STOP, Process, ProcessContext, Role, make_process
from receiver.service.time_slice import set_time_slice

REPORT_S = 0.5
"""Between two reports; the supervisor gives a child up for silent after a few."""
GC_THRESHOLD = 20_000
"""Allocations before a young collection: nearly all of ours die by reference count."""
SWITCH_INTERVAL_S = 0.0005
"""The inbox's writer thread waits for the interpreter lock, 5 ms a turn by default; much more than its fsync."""
NICENESS = 10
"""All others give way to the intake process: a provider waits for its answer, nobody waits for theirs."""
INTAKE_SLICE_S, SLICE_S = 0.0001, 0.005
"""Of a processor, for the intake process and the others: who wakes for a callback need not wait for who computes."""
WAKE_S = 0.005
"""Between two wakes of one process by another: each costs both of them, and what is woken waits out a batch window
anyway."""
PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> int:
    """Run one child until it is told to stop; the exit code."""
    role, descriptors = cast("Role", arguments[0]), orjson.loads(arguments[-1])
    held = HeldSlot(*map(int, arguments[1:3])) if len(arguments) > 2 else None
    ignore_group_signals()
    forbid_core_dumps(os.environ)
    _die_with_parent()
    log = logs.configure(people=False, role=role)
    log_what_nobody_catches(log)
    try:
        context = _context(descriptors, log, held)
        part = make_process(role, context)
    except (ReceiverError, OSError) as error:
        log.error("serve.child_cannot_start", role=role, why=str(error))
        return 1
    except Exception as error:
        log.error("serve.child_failed", role=role, exc_info=error)
        return MEMORY_EXIT if isinstance(error, MemoryError) else 1
    _take_turns(role)  # no sooner: to be back is urgent for all of them, and threads take it from here on
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, *gc.get_threshold()[1:])
    gc.enable()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run(part, context, role, descriptors))
    except Fenced as error:
        log.warning("slot.fenced", role=role, slot=held.slot if held is not None else None, why=str(error))
        return FENCED_EXIT
    except Exception as error:
        causes = error.exceptions if isinstance(error, ExceptionGroup) else [error]
        for cause in causes:
            log.error("serve.child_failed", role=role, exc_info=cause)
        return MEMORY_EXIT if any(isinstance(cause, MemoryError) for cause in causes) else 1
    return 0


def _take_turns(role: Role) -> None:
    if role == "intake":
        set_time_slice(INTAKE_SLICE_S)
        sys.setswitchinterval(SWITCH_INTERVAL_S)
    else:
        os.nice(NICENESS)
        set_time_slice(SLICE_S)


def _context(descriptors: Mapping[str, int], log: Log, held: HeldSlot | None) -> ProcessContext:
    settings, journal = read_passed_on(descriptors["configuration"], os.environ, held)
    context = ProcessContext(settings, os.environ, journal, log, on_its_own=True)
    if "wakes" in descriptors:
        context = replace(context, wake_next=_waker(descriptors["wakes"]))
    if "listener" in descriptors:
        context = replace(context, listener=socket.socket(fileno=descriptors["listener"]))
    return context


async def _run(part: Process, context: ProcessContext, role: str, descriptors: Mapping[str, int]) -> None:
    loop = asyncio.get_running_loop()
    if "wake" in descriptors:
        loop.add_reader(descriptors["wake"], _drain_wakes, descriptors["wake"], part)
    orders = {STOP: part.stop, RELOAD: lambda: _reload(part, context, role)}
    link = asyncio.create_task(_link(_reporter(part, context.log, role), descriptors["link"], orders))
    try:
        await part.run()
    finally:
        link.cancel()
        await asyncio.gather(link, return_exceptions=True)


def _reporter(part: Process, log: Log, role: str) -> Callable[[], bytes]:
    unknown = False

    def report() -> bytes:
        # While the database is away we count as down, and say no more than that we live; the log says why, once.
        nonlocal unknown
        try:
            said = {"status": part.status(), "metrics": part.metrics().decode(), "lines_lost": logs.lines_lost()}
        except (StoreFailed, JournalError) as error:
            if not unknown:
                log.warning("serve.state_unknown", role=role, why=str(error))
            unknown = True
            return b'{"status":null}\n'
        unknown = False
        return orjson.dumps(said) + b"\n"

    return report


async def _link(report: Callable[[], bytes], descriptor: int, orders: Mapping[bytes, Callable[[], None]]) -> None:
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=descriptor))
    ended = asyncio.create_task(_obey(reader, orders))
    try:
        while not ended.done():
            writer.write(report())
            with contextlib.suppress(ConnectionError):
                await writer.drain()
            await asyncio.wait([ended], timeout=REPORT_S)
        # The supervisor was killed, perhaps before the kernel was told to kill us with it. Its successor waits for the
        # journal, and what is on disk survives this as it survives any crash.
        os._exit(1)
    finally:
        ended.cancel()
        writer.close()


async def _obey(reader: asyncio.StreamReader, orders: Mapping[bytes, Callable[[], None]]) -> None:
    # Until the link ends.
    while order := await reader.readline():
        if order in orders:
            orders[order]()


def _reload(part: Process, context: ProcessContext, role: str) -> None:
    log = context.log
    try:
        keys = resolve_keys(context.settings, os.environ)
        part.reload(os.environ)
        context.journal.use_keys(keys)
    except ConfigurationError as error:
        log.error("serve.reload_refused", role=role, faults=error.faults)
    except (JournalError, StoreFailed) as error:  # a key that is still needed is gone: those it has go on
        log.error("serve.reload_refused", role=role, faults=[str(error)])
    else:
        log.info("serve.reloaded", role=role)


def _waker(descriptor: int) -> Callable[[], None]:
    planned = False
    written_s = -math.inf

    def write() -> None:
        nonlocal planned, written_s
        planned = False
        written_s = asyncio.get_running_loop().time()
        # A full pipe means that the other has wakes enough to read.
        with contextlib.suppress(BlockingIOError):
            os.write(descriptor, b"w")

    def wake() -> None:
        # What comes in one turn of the loop wakes the other process once, and what comes right after it once more.
        nonlocal planned
        if not planned:
            planned = True
            loop = asyncio.get_running_loop()
            loop.call_at(max(loop.time(), written_s + WAKE_S), write)

    return wake


def _drain_wakes(descriptor: int, part: Process) -> None:
    with contextlib.suppress(BlockingIOError):
        os.read(descriptor, 65536)
    part.wake()


def _die_with_parent() -> None:
    # Linux only; elsewhere, and for a parent that died before this line, the closed link does it.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
