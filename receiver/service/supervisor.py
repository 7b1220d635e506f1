"""``receiver serve``: one supervisor, and processes that share nothing but the journal.

``intake`` takes callbacks, ``interpret`` says what they mean, ``publish`` takes the events to Kafka where one is
configured, ``reconcile`` asks the providers' APIs where a source has ``poll``, ``traces`` tells a collector of what was
done where one is configured, and ``console`` shows the journal in a browser where it is enabled.

Theory of operation. The supervisor holds the journal's lock and the listening socket, and passes both on: a restarted
intake process refuses no connection, and a second service cannot start while any process of this one lives. Each child
is tied to it by a socket pair: the child reports its state there several times a second, is told there to drain or to
read the secrets again, and ends when it closes. It ignores the signals that mean this to the supervisor, since whoever
stops a service mostly signals all of its processes at once, and intake must drain before the others. On Linux the
kernel kills a child too when its parent dies, which also reaches one that is stopped. A dead child is started
again after a short back-off; one that dies too often within a minute ends the service, loudly. The pipes by which
``intake`` wakes ``interpret``, and that one ``publish``, are the supervisor's as well: they outlive both ends.

A journal in a database is not locked: several services share it, each does the part that its role says, and which of
them interprets and publishes what is decided slot by slot, in ``slot_holder``. Who runs is the *cast*: ``cast.Alone``
or ``shared.SharedCast``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from receiver.journal.engines import folder_of_others, hold_journal, is_server
from receiver.journal.handle import Journal
from receiver.journal.sealed import Keyring
from receiver.journal.slots import HeldSlot
from receiver.model.errors import ConfigurationError, ReceiverError
from receiver.model.log import Log
from receiver.service import logs
from receiver.service.admin import admin_server
from receiver.service.cast import Alone, Cast
from receiver.service.config.console import console_rules, console_url, need_console
from receiver.service.config.exporter import need_exporter
from receiver.service.config.journal_keys import resolve_keys
from receiver.service.config.kafka_options import need_kafka_options
from receiver.service.config.polls import polled
from receiver.service.config.secret_lint import odd_secrets
from receiver.service.config.service_links import service_links
from receiver.service.config.settings import Settings
from receiver.service.config.sources import resolve_sources
from receiver.service.core_dumps import forbid_core_dumps, hide_memory
from receiver.service.deaths import note_death
from receiver.service.journals import open_held, open_journal
from receiver.service.launch import GROUP_SIGNALS, log_what_nobody_catches
from receiver.service.listen import listen
from receiver.service.metric_texts import joined
from receiver.service.metrics import supervisor_text
from receiver.service.open_files import raise_open_files
from receiver.service.own_secrets import foreign_variables
from receiver.service.passed_on import passed_on
from receiver.service.pipes import close_all, wake_pipe
from receiver.service.process import Role, ServeRole
from receiver.service.process_figures import Figures
from receiver.service.process_figures import figures as of_process
from receiver.service.shared import SharedCast, Ties
from receiver.service.systemd import Systemd
from receiver.service.watched_child import Child, OnDeath, nothing


class Supervisor:
    """The children, the admin listener, and the signals."""

    def __init__(
        self,
        settings: Settings,
        admin: socket.socket,
        cast: Cast,
        log: Log,
        systemd: Systemd | None = None,
    ) -> None:
        self._systemd = systemd or Systemd()
        self._admin = admin
        self._settings = settings
        self._cast = cast
        self._log = log
        self._stop = asyncio.Event()

    async def run(self, close_listener: Callable[[], None]) -> int:
        """Serve until a signal, then drain; the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        admin = admin_server(self._admin, self._cast.readiness, self._metrics, console_url(self._settings))
        running = asyncio.create_task(self._cast.run())
        serving = asyncio.create_task(admin.run_until_stopped())
        stopping = asyncio.create_task(self._stop.wait())
        telling = asyncio.create_task(self._systemd.watch(self._cast.readiness))
        try:
            await asyncio.wait([stopping, running], return_when=asyncio.FIRST_COMPLETED)
            failed = running.exception() if running.done() else None
            if failed is not None:
                self._log.error("serve.gave_up", why=str(failed))
            await self._drain(close_listener)
            return 1 if failed is not None else 0
        finally:
            stopping.cancel()
            telling.cancel()
            admin.stop()
            await asyncio.gather(serving, stopping, telling, running, return_exceptions=True)

    async def _drain(self, close_listener: Callable[[], None]) -> None:
        total_s = self._settings.server.shutdown_timeout_s
        self._log.info("serve.stopping", timeout_s=total_s)
        self._systemd.stopping()
        close_listener()  # the intake process has its own descriptor, and closes that first of all
        await self._cast.drain(total_s)
        self._log.info("serve.stopped")

    def _reload(self) -> None:
        self._log.info("serve.reload")
        self._systemd.reloading()
        for why in odd_secrets(self._settings, os.environ):
            self._log.warning("serve.odd_secret", why=why)
        for child in self._cast.children():
            child.reload()
        self._systemd.reloaded()

    def _metrics(self) -> bytes:
        children = self._cast.children()
        reports = [(child, child.report()) for child in children]
        up: dict[str, bool] = {child.name: report is not None for child, report in reports}
        restarts: dict[str, int] = {child.name: child.restarts for child in children}
        lost = logs.lines_lost() + sum(child.lines_lost() for child in children)
        figures: dict[str, Figures | None] = {child.name: child.figures() for child in children}
        figures["supervisor"] = of_process(os.getpid())
        ready = self._cast.readiness()["ready"]
        own = supervisor_text(up, restarts, figures, ready=ready, log_lines_lost=lost)
        texts: list[tuple[Mapping[str, str], bytes]] = [({}, own), ({}, self._cast.metrics())]
        return joined([*texts, *((_labels(child), report.metrics) for child, report in reports if report is not None)])


def _labels(child: Child) -> dict[str, str]:
    # Of one that does the same as others do.
    if child.number is None:
        return {}
    return {"process" if child.held is None else "slot": str(child.number)}


def serve(settings: Settings, environ: Mapping[str, str], role: ServeRole = "all") -> int:
    """Run the service until SIGTERM or Ctrl-C (0), or until a child died too often (1).

    Nothing runs where it raises: ``ConfigurationError``, ``JournalError``, ``StoreFailed``, ``OSError``, and
    ``ReceiverError`` where an address is taken.
    """
    log = logs.configure(people=False)
    log_what_nobody_catches(log)
    try:
        return _serve(settings, environ, role, log)
    except (ReceiverError, OSError):
        raise
    except Exception:
        log.exception("serve.bug")
        return 1


def need_role(settings: Settings, role: ServeRole) -> None:
    """Raise ``ConfigurationError`` where a service cannot do a part only, since no other could do the rest."""
    if role != "all" and not is_server(settings.journal.url):
        raise ConfigurationError(
            [f"--role {role} needs a journal that several services can share: a postgresql:// URL in journal.url"]
        )


def _serve(settings: Settings, environ: Mapping[str, str], role: ServeRole, log: Log) -> int:
    need_role(settings, role)
    forbid_core_dumps(environ)
    hide_memory(environ)
    raise_open_files()  # its children have it from here
    resolve_sources(settings, environ)  # every fault is named before anything starts
    if role != "intake":  # which may have been given no secret of Kafka's
        need_kafka_options(settings, environ)
    need_exporter(settings)
    if settings.console.enabled:
        need_console()
        console_rules(settings, environ)
    keys = resolve_keys(settings, environ)

    with contextlib.ExitStack() as stack:
        if is_server(settings.journal.url):
            made = _shared(settings, environ, role, stack, log)
        else:
            made = _alone(settings, keys, stack, log)
        log.info("serve.started", journal=made.journal_id, host=settings.server.host, port=settings.server.port)
        _say_what_is_odd(settings, environ, log)
        supervisor = Supervisor(settings, made.admin, made.cast, log, Systemd.of(os.environ))
        return asyncio.run(_until_stopped(supervisor, made.close_listener))


ListenerSection = Literal["server", "admin", "console"]
"""Of the configuration, with an address to listen on."""


class Made(NamedTuple):
    """A service that is about to run."""

    cast: Cast
    journal_id: str
    admin: socket.socket
    close_listener: Callable[[], None]
    """Closes the public listener, where there is one."""


def _listen(settings: Settings, section: ListenerSection, stack: contextlib.ExitStack) -> socket.socket:
    server, admin, console = settings.server, settings.admin, settings.console
    hosts = {"server": server.host, "admin": admin.host, "console": console.host}
    ports = {"server": server.port, "admin": admin.port, "console": console.port}
    listener = listen(hosts[section], ports[section], section)
    stack.callback(listener.close)
    return listener


def _waiting(log: Log) -> Callable[[str], None]:
    return lambda why: log.warning("serve.waiting", why=why)


def _alone(settings: Settings, keys: Keyring, stack: contextlib.ExitStack, log: Log) -> Made:
    journal, lock = stack.enter_context(hold_journal(settings.journal.url, keys=keys, waiting=_waiting(log)))
    listener, admin = _listen(settings, "server", stack), _listen(settings, "admin", stack)
    interpret_wake, intake_wakes = ends = wake_pipe()
    publish_wake, interpret_wakes = more_ends = wake_pipe()
    stack.callback(close_all, (*ends, *more_ends))
    configuration = stack.enter_context(passed_on(settings, journal))
    shared = {"configuration": configuration} | ({} if lock is None else {"lock": lock})

    def child(role: Role, descriptors: Mapping[str, int], on_death: OnDeath = nothing) -> Child:
        return Child(role, {**shared, **descriptors}, log, on_death, hidden=foreign_variables(settings, role))

    children = [
        child("intake", {"listener": listener.fileno(), "wakes": intake_wakes}),
        child(
            "interpret",
            {"wake": interpret_wake, "wakes": interpret_wakes},
            lambda code: note_death(journal, code, log),
        ),
    ]
    if settings.kafka is not None:
        children.append(child("publish", {"wake": publish_wake}))
    if polled(settings):
        children.append(child("reconcile", {}))
    if settings.traces.endpoint is not None:
        children.append(child("traces", {}))
    if settings.console.enabled:
        children.append(child("console", {"listener": _listen(settings, "console", stack).fileno()}))
    return Made(Alone(children), journal.journal_id, admin, listener.close)


def _shared(
    settings: Settings, environ: Mapping[str, str], role: ServeRole, stack: contextlib.ExitStack, log: Log
) -> Made:
    journal = open_journal(settings, environ, _waiting(log))
    listener = _listen(settings, "server", stack) if role != "worker" else None
    admin = _listen(settings, "admin", stack)
    console = _listen(settings, "console", stack) if settings.console.enabled else None
    ties = Ties(
        stack.enter_context(passed_on(settings, journal)),
        None if listener is None else listener.fileno(),
        None if console is None else console.fileno(),
    )

    def journal_of(held: HeldSlot) -> Journal:
        return open_held(settings, environ, journal.journal_id, held)

    cast = SharedCast(settings, role, journal, journal_of, ties, log=log, lease_s=settings.journal.lease_s)
    return Made(cast, journal.journal_id, admin, (lambda: None) if listener is None else listener.close)


def _say_what_is_odd(settings: Settings, environ: Mapping[str, str], log: Log) -> None:
    links = service_links(environ)
    if links:
        log.info("serve.service_links_ignored", names=links)
    folder = folder_of_others(settings.journal.url)
    if folder is not None:
        log.warning("serve.journal_folder_of_others", why=folder)
    for why in odd_secrets(settings, environ):
        log.warning("serve.odd_secret", why=why)


async def _until_stopped(supervisor: Supervisor, close_listener: Callable[[], None]) -> int:
    try:
        return await supervisor.run(close_listener)
    finally:
        # The loop gives the signals back to what they do by default: one more SIGTERM would end us by itself, not by 0.
        signal.pthread_sigmask(signal.SIG_BLOCK, GROUP_SIGNALS)
