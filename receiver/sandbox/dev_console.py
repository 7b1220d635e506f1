"""The console of ``receiver dev``: on by itself, open to whoever is at the desk, with a provider to play."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace

from receiver.model.errors import ReceiverError
from receiver.model.hosts import is_loopback
from receiver.sandbox.play import Play
from receiver.service.config.console import MISSING, console_is_there, console_rules, url_of
from receiver.service.config.sources import resolve_sources
from receiver.service.listen import listen
from receiver.service.process import Process, ProcessContext
from receiver.service.wiring import make_context


@dataclass(frozen=True, slots=True)
class DevConsole:
    """The part, where there is one, and a line for the person at the desk."""

    line: str
    part: Process | None = None
    play: Play | None = None


def dev_console(context: ProcessContext, urls: Mapping[str, str]) -> DevConsole:
    """Make it inside the event loop; without its packages, or where its address is taken, the desk goes on without it.

    ``urls``: source → where its simulated callbacks go. What a person may change there takes a token, made up for this
    run: any page of another site that the same browser shows could send a form, and does not know it.
    """
    settings, environ = context.settings, context.environ
    if not console_is_there():
        return DevConsole(f"no console: {MISSING}")
    rules = console_rules(settings, environ)
    try:
        listener = listen(settings.console.host, settings.console.port, "console")
    except ReceiverError as error:
        return DevConsole(f"no console: {error}")
    from receiver.service.console_desk import make_desk  # noqa: PLC0415  only where its packages are there
    from receiver.service.processes.console import ConsoleProcess  # noqa: PLC0415

    token = ""
    if rules.write_token is None and is_loopback(rules.host):
        token = secrets.token_urlsafe(18)
        rules = replace(rules, write=True, write_token=token)
    looked = make_context(settings, environ, lambda: context.journal, context.log)
    play = Play(resolve_sources(settings, environ), urls, asyncio.get_running_loop())
    desk = make_desk(settings, environ, looked, file="what `receiver dev` was started with", simulator=play)
    part = ConsoleProcess(desk, rules, listener, context.journal)
    line = f"console {url_of(settings)}"
    return DevConsole(line + (f"   to change things there: {token}" if token else ""), part, play)
