"""``receiver dev``: the whole service in one process, for a desk; with ``--simulate`` a provider sends to it."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from receiver.model.records import OutboxRecord
from receiver.providers.contract import Sources
from receiver.sandbox.simulator import Simulation, choose
from receiver.service import wiring as bootstrap
from receiver.service.admin import OFF
from receiver.service.config.settings import Settings, build
from receiver.service.journal import hold_journal, open_outbox

MADE_UP = {
    "DEV_0XPAY_PRIVATE_KEY": "made-up-0xpay-private-key",
    "DEV_ONCHAINPAY_PUBLIC": "made-up-onchainpay-public-key",
    "DEV_ONCHAINPAY_SECRET": "made-up-onchainpay-secret",
}
"""Secrets of the built-in configuration: fixed, so that a second terminal can sign too; worth nothing."""
SIMULATED_PER_S = 2.0
FOLLOW_MAX = 500


def built_in(port: int, admin_port: int) -> Settings:
    """The configuration of a desk without ``receiver.toml``: both providers, the journal under ``var``, no Kafka."""
    return build(
        {
            "server": {"port": port, "shutdown_timeout_s": 5},
            "admin": {"port": admin_port},
            "sources": [
                {
                    "name": "0xpay-main",
                    "provider": "0xpay",
                    "account": "3f0c9a52-6d1e-4b7a-9c58-21e4b7d0a6f3",
                    "public_url": "https://merchant.example.com/webhooks/0xpay-main",
                    "secrets": ["env:DEV_0XPAY_PRIVATE_KEY"],
                },
                {
                    "name": "swaps",
                    "provider": "onchainpay",
                    "keys": [{"public": "env:DEV_ONCHAINPAY_PUBLIC", "secret": "env:DEV_ONCHAINPAY_SECRET"}],
                },
            ],
        },
        "the built-in configuration",
    )


def with_made_up(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment, and the made-up secrets where it has none of those names."""
    return {**MADE_UP, **environ}


class Desk:
    """All parts and the admin listener in one event loop."""

    def __init__(
        self, settings: Settings, environ: Mapping[str, str], show: Callable[[OutboxRecord], None], *, simulate: bool
    ) -> None:
        self._settings = settings
        self._environ = environ
        self._show = show
        self._simulate = simulate
        self._stop = asyncio.Event()
        self._shown = 0

    async def run(self, journal: bootstrap.Journal) -> None:
        """Serve until Ctrl-C or SIGTERM, then drain."""
        settings = self._settings
        listener = bootstrap.listen(settings.server.host, settings.server.port, "server")
        admin_listener = bootstrap.listen(settings.admin.host, settings.admin.port, "admin")
        publish = bootstrap.publish_process(settings, self._environ, journal) if settings.kafka else None
        outbox = open_outbox(settings)
        self._shown = outbox.last_number()

        def on_records() -> None:
            self._follow(outbox)
            if publish is not None:
                publish.wake()

        interpret = bootstrap.interpret_process(settings, self._environ, journal, on_records)
        intake = bootstrap.intake_process(settings, self._environ, journal, listener, interpret.wake)
        asks = bootstrap.reconciles(settings)
        asking = bootstrap.reconcile_process(settings, self._environ, journal) if asks else None
        parts = [part for part in (asking, intake, interpret, publish) if part is not None]

        def report() -> Mapping[str, Any]:
            kafka, asked = (part.status() if part else OFF for part in (publish, asking))
            return bootstrap.readiness(intake.status(), interpret.status(), kafka, asked)

        def text() -> bytes:
            return b"".join(part.metrics() for part in parts)

        admin = bootstrap.admin_server(admin_listener, report, text)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        simulations = self._simulations() if self._simulate else []
        async with asyncio.TaskGroup() as group:
            working = [(part, group.create_task(part.run())) for part in parts]
            admin_task = group.create_task(admin.run_until_stopped())
            sending = [group.create_task(one.run(rate=SIMULATED_PER_S, count=None)) for one in simulations]
            await self._stop.wait()
            for one in simulations:
                one.stop()
            if sending:
                await asyncio.wait(sending, timeout=2)
            for task in sending:
                task.cancel()
            for part, work in working:
                part.stop()
                await work
            admin.stop()
            await admin_task
        outbox.close()

    def _follow(self, outbox: Any) -> None:
        while records := outbox.read(self._shown, FOLLOW_MAX):
            for record in records:
                self._show(record)
            self._shown = records[-1].number

    def _simulations(self) -> Sequence[Simulation]:
        host, port = self._settings.server.host, self._settings.server.port
        sources: Sources = bootstrap.resolve_sources(self._settings, self._environ)
        return [
            Simulation(
                provider,
                source,
                f"http://{host}:{port}/webhooks/{name}",
                choose(provider.slug, ()),
                random.Random(os.urandom(8)),  # noqa: S311  sample data
            )
            for name, (provider, source) in sources.items()
            if source.secrets or source.keys
        ]


def run(
    settings: Settings, environ: Mapping[str, str], show: Callable[[OutboxRecord], None], *, simulate: bool
) -> None:
    """Run the desk until Ctrl-C; raises ``ReceiverError`` where an address is taken or the journal is held."""
    bootstrap.resolve_sources(settings, environ)
    with hold_journal(settings, wait_s=1.0) as (journal, _):
        asyncio.run(Desk(settings, environ, show, simulate=simulate).run(journal))


def journal_folder(settings: Settings) -> Path:
    """Where the desk keeps its journal."""
    return settings.journal.folder
