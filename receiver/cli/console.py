"""``console``: a journal in a browser, read-only, whether a service runs on it or not."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import replace
from pathlib import Path

import click

from receiver.cli.context import Opened, open_configured
from receiver.cli.output import config_option, say
from receiver.journal.engines import location
from receiver.service import logs
from receiver.service.config.console import console_rules, need_console, url_of
from receiver.service.config.file import DEFAULT_FILE
from receiver.service.config.settings import Settings
from receiver.service.listen import listen
from receiver.service.wiring import open_context


@click.command("console")
@config_option
@click.option(
    "--journal",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of another journal than the configured one, as of a backup.",
)
@click.option("--port", type=click.IntRange(1, 65535), help="Where to listen; else console.port.")
def console_command(config: Path | None, folder: Path | None, port: int | None) -> None:
    """Show a journal in a browser, read-only: also one that no service runs on, or a copy of one."""
    need_console()
    logs.configure(people=True)
    opened = open_configured(config)
    settings = _on(opened.settings, folder, port)
    context = open_context(settings, opened.environ)
    context.journal.journal_id  # noqa: B018  where there is none, that is said before anything listens
    option = f" --config {config}" if config is not None else ""
    asyncio.run(_serve(replace(opened, settings=settings, context=context), option, str(config or DEFAULT_FILE)))
    say("stopped")


def _on(settings: Settings, folder: Path | None, port: int | None) -> Settings:
    changed: dict[str, object] = {}
    if folder is not None:
        changed["journal"] = settings.journal.model_copy(update={"url": f"sqlite:{folder}"})
    if port is not None:
        changed["console"] = settings.console.model_copy(update={"port": port})
    return settings.model_copy(update=changed)


async def _serve(opened: Opened, option: str, file: str) -> None:
    from receiver.service.console_desk import make_desk  # noqa: PLC0415  only where its packages are there
    from receiver.service.processes.console import ConsoleProcess  # noqa: PLC0415

    settings = opened.settings
    rules = replace(console_rules(settings, opened.environ), write=False)
    desk = make_desk(settings, opened.environ, opened.context, file=file, option=option)
    listener = listen(settings.console.host, settings.console.port, "console")
    part = ConsoleProcess(desk, rules, listener, indexed=None)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, part.stop)
    say(url_of(settings))
    say(f"journal in {location(settings.journal.url)}, read-only; Ctrl-C stops it")
    await part.run()
