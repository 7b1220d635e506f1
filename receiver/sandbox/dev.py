"""``receiver dev``: the whole service in one process, for a desk; with ``--simulate`` a provider sends to it."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from receiver.journal.engines import hold_journal
from receiver.model.records import OutboxRecord
from receiver.providers.contract import Sources
from receiver.sandbox.dev_console import DevConsole, dev_console
from receiver.sandbox.simulator import Simulation, choose
from receiver.service import logs
from receiver.service.admin import OFF, admin_server, readiness
from receiver.service.config.console import url_of
from receiver.service.config.journal_keys import resolve_keys
from receiver.service.config.journal_options import engine_options
from receiver.service.config.polls import polled
from receiver.service.config.settings import Settings
from receiver.service.config.sources import resolve_sources
from receiver.service.listen import address, listen
from receiver.service.process import Process, ProcessContext, Role, make_process

SIMULATED_PER_S = 2.0
SENDING_ENDS_S = 2.0
"""For the simulated callbacks under way when it is stopped."""
FOLLOW_MAX = 500


class DevService:
    """All parts and the admin listener in one event loop."""

    def __init__(self, context: ProcessContext, show: Callable[[OutboxRecord], None], console: DevConsole) -> None:
        """Make the parts; raises ``ConfigurationError``, ``JournalError``, ``ReceiverError`` for a taken address."""
        self._play = console.play
        settings = context.settings
        listener = listen(settings.server.host, settings.server.port, "server")
        admin_listener = listen(settings.admin.host, settings.admin.port, "admin")
        self._show = show
        self._outbox = context.journal.outbox()
        self._shown = self._outbox.last_number()
        self._parts: dict[Role, Process] = {}
        # In the order in which they are stopped: what asks and takes first, then what empties inbox and outbox.
        if console.part is not None:
            self._parts["console"] = console.part
        if polled(settings):
            self._parts["reconcile"] = make_process("reconcile", context)
        publish = make_process("publish", context) if settings.kafka else None
        interpret = make_process("interpret", replace(context, wake_next=lambda: self._recorded(publish)))
        self._parts["intake"] = make_process("intake", replace(context, listener=listener, wake_next=interpret.wake))
        self._parts["interpret"] = interpret
        if publish is not None:
            self._parts["publish"] = publish
        self._admin = admin_server(
            admin_listener, self._readiness, self._metrics, None if console.part is None else url_of(settings)
        )

    async def run(self, simulations: Sequence[Simulation]) -> None:
        """Serve until Ctrl-C or SIGTERM, then drain; ``simulations`` send meanwhile."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        async with asyncio.TaskGroup() as group:
            working = [(part, group.create_task(part.run())) for part in self._parts.values()]
            admin = group.create_task(self._admin.run_until_stopped())
            sending = [group.create_task(one.run(rate=SIMULATED_PER_S, count=None)) for one in simulations]
            await stop.wait()
            await _end_sending(simulations, sending)
            if self._play is not None:
                await self._play.end()
            for part, work in working:
                part.stop()
                await work
            self._admin.stop()
            await admin
        self._outbox.close()

    def _recorded(self, publish: Process | None) -> None:
        while records := self._outbox.read(self._shown, FOLLOW_MAX):
            for record in records:
                self._show(record)
                if self._play is not None:
                    self._play.note(record)
            self._shown = records[-1].number
        if publish is not None:
            publish.wake()

    def _readiness(self) -> Mapping[str, Any]:
        def said(role: Role) -> Mapping[str, Any]:
            return self._parts[role].status() if role in self._parts else OFF

        asked: tuple[Role, ...] = ("intake", "interpret", "publish", "reconcile")
        intake, interpret, publish, reconcile = map(said, asked)
        return readiness(intake, interpret, publish, reconcile, console=said("console"))

    def _metrics(self) -> bytes:
        return b"".join(part.metrics() for part in self._parts.values())


async def _end_sending(simulations: Sequence[Simulation], sending: Sequence[asyncio.Task[Any]]) -> None:
    for one in simulations:
        one.stop()
    if sending:
        await asyncio.wait(sending, timeout=SENDING_ENDS_S)
    for task in sending:
        task.cancel()


def _urls(settings: Settings, sources: Sources) -> dict[str, str]:
    """Source → where its callbacks go, of those that can be signed for."""
    at = address(settings.server.host, settings.server.port)
    signed = (name for name, (_, source) in sources.items() if source.secrets or source.keys)
    return {name: f"http://{at}/webhooks/{name}" for name in signed}


def _simulations(settings: Settings, sources: Sources) -> list[Simulation]:
    return [
        Simulation(
            *sources[name],
            url,
            choose(sources[name][0], ()),
            random.Random(os.urandom(8)),  # noqa: S311  sample data
        )
        for name, url in _urls(settings, sources).items()
    ]


def run(
    settings: Settings,
    environ: Mapping[str, str],
    show: Callable[[OutboxRecord], None],
    announce: Callable[[str], None] = lambda _: None,
    *,
    simulate: bool,
) -> None:
    """Run the service until Ctrl-C; ``show`` is given each record as it comes.

    ``announce`` is called once the journal is held and the addresses are bound, with a line on the console.

    Raises ``ConfigurationError``, and ``ReceiverError`` where an address is taken or the journal is held.
    """
    sources = resolve_sources(settings, environ)  # every fault is named before anything starts
    simulations = _simulations(settings, sources) if simulate else []
    keys = resolve_keys(settings, environ)
    options = engine_options(settings, environ)
    with hold_journal(settings.journal.url, wait_s=1.0, keys=keys, options=options) as (journal, _):
        asyncio.run(_serve(ProcessContext(settings, environ, journal, logs.get()), show, announce, simulations))


async def _serve(
    context: ProcessContext,
    show: Callable[[OutboxRecord], None],
    announce: Callable[[str], None],
    simulations: Sequence[Simulation],
) -> None:
    console = dev_console(context, _urls(context.settings, resolve_sources(context.settings, context.environ)))
    service = DevService(context, show, console)  # made inside the loop, which some of the parts need
    announce(console.line)
    await service.run(simulations)
