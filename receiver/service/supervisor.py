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
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from receiver.interpret.poison import after_death, from_document, points_at_the_batch, to_document
from receiver.journal.engines import LOCK_WAIT_S, folder_of_others, hold_journal, is_server
from receiver.journal.handle import Journal
from receiver.model.errors import ReceiverError, StoreFailed
from receiver.service import logs
from receiver.service.admin import OFF, admin_server, readiness
from receiver.service.config.console import console_rules, need_console
from receiver.service.config.exporter import need_exporter
from receiver.service.config.journal_keys import resolve_keys
from receiver.service.config.journal_options import engine_options
from receiver.service.config.polls import polled
from receiver.service.config.secret_lint import odd_secrets
from receiver.service.config.service_links import service_links
from receiver.service.config.settings import Settings
from receiver.service.config.sources import resolve_sources
from receiver.service.core_dumps import forbid_core_dumps, hide_memory
from receiver.service.launch import GROUP_SIGNALS, log_what_nobody_catches
from receiver.service.listen import listen
from receiver.service.metrics import supervisor_text
from receiver.service.open_files import raise_open_files
from receiver.service.own_secrets import foreign_variables
from receiver.service.passed_on import passed_on
from receiver.service.process import Role
from receiver.service.process_figures import Figures
from receiver.service.process_figures import figures as of_process
from receiver.service.systemd import Systemd
from receiver.service.watched_child import Child, OnDeath, nothing

INTERPRET_SHARE = 0.3
"""Of the shutdown time, kept for interpreting and publishing after the intake process has had its part."""


class Supervisor:
    """The children, the admin listener, and the signals."""

    def __init__(
        self,
        settings: Settings,
        admin: socket.socket,
        children: Sequence[Child],
        log: Any,
        systemd: Systemd | None = None,
    ) -> None:
        self._systemd = systemd or Systemd()
        self._admin = admin
        self._settings = settings
        self._children = children
        by_role = {child.role: child for child in children}
        self._intake, self._interpret = by_role["intake"], by_role["interpret"]
        self._publish, self._reconcile = by_role.get("publish"), by_role.get("reconcile")
        self._traces, self._console = by_role.get("traces"), by_role.get("console")
        self._log = log
        self._stop = asyncio.Event()

    async def run(self, close_listener: Callable[[], None]) -> int:
        """Serve until a signal, then drain; the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        admin = admin_server(self._admin, self._readiness, self._metrics)
        children = [asyncio.create_task(child.run()) for child in self._children]
        serving = asyncio.create_task(admin.run_until_stopped())
        stopping = asyncio.create_task(self._stop.wait())
        telling = asyncio.create_task(self._systemd.watch(self._readiness))
        try:
            await asyncio.wait([stopping, *children], return_when=asyncio.FIRST_COMPLETED)
            failed = next((task.exception() for task in children if task.done()), None)
            if failed is not None:
                self._log.error("serve.gave_up", why=str(failed))
            await self._drain(close_listener)
            return 1 if failed is not None else 0
        finally:
            stopping.cancel()
            telling.cancel()
            admin.stop()
            await asyncio.gather(serving, stopping, telling, *children, return_exceptions=True)

    async def _drain(self, close_listener: Callable[[], None]) -> None:
        total_s = self._settings.server.shutdown_timeout_s
        self._log.info("serve.stopping", timeout_s=total_s)
        self._systemd.stopping()
        close_listener()  # the intake process has its own descriptor, and closes that first of all
        rest_s = total_s * INTERPRET_SHARE
        asking = [one.stop(rest_s) for one in (self._reconcile, self._console) if one is not None]
        await asyncio.gather(self._intake.stop(total_s - rest_s - 1), *asking)
        publishing = [one.stop(rest_s) for one in (self._publish, self._traces) if one is not None]
        await asyncio.gather(self._interpret.stop(rest_s), *publishing)
        self._log.info("serve.stopped")

    def _reload(self) -> None:
        self._log.info("serve.reload")
        self._systemd.reloading()
        for why in odd_secrets(self._settings, os.environ):
            self._log.warning("serve.odd_secret", why=why)
        for child in self._children:
            child.reload()
        self._systemd.reloaded()

    def _readiness(self) -> Mapping[str, Any]:
        starting = [child.role for child in self._children if child.starting()]
        intake, interpret, publish, reconcile, console = map(
            _said, (self._intake, self._interpret, self._publish, self._reconcile, self._console)
        )
        return readiness(intake, interpret, publish, reconcile, starting, console=console)

    def _metrics(self) -> bytes:
        reports = [child.report() for child in self._children]
        up: dict[str, bool] = {
            child.role: report is not None for child, report in zip(self._children, reports, strict=True)
        }
        restarts: dict[str, int] = {child.role: child.restarts for child in self._children}
        lost = logs.lines_lost() + sum(child.lines_lost() for child in self._children)
        figures: dict[str, Figures | None] = {child.role: child.figures() for child in self._children}
        figures["supervisor"] = of_process(os.getpid())
        own = supervisor_text(up, restarts, figures, ready=self._readiness()["ready"], log_lines_lost=lost)
        return b"".join([own, *(report.metrics for report in reports if report is not None)])


def _said(child: Child | None) -> Mapping[str, Any] | None:
    if child is None:
        return OFF
    report = child.report()
    return None if report is None else report.status


def _note_death(journal: Journal, code: int, log: Any) -> None:
    # An interpret process that died over a callback would die over it again: the next one takes them one by one.
    if not points_at_the_batch(code):
        return
    marks = journal.marks()
    known = from_document(marks.lessons())
    try:
        suspects = after_death(known, *marks.read())
        if suspects == known:
            return
        marks.keep_lessons(to_document(suspects))
    except (StoreFailed, OSError) as error:  # a full disk: the next death teaches the same again
        log.error("serve.lesson_not_kept", why=str(error))
        return
    log.error(
        "serve.callback_suspected",
        one_by_one_to=suspects.one_by_one_to,
        deaths={str(number): deaths for number, deaths in suspects.deaths.items()},
    )


def serve(settings: Settings, environ: Mapping[str, str]) -> int:
    """Run the service until SIGTERM or Ctrl-C (0), or until a child died too often (1).

    Nothing runs where it raises: ``ConfigurationError``, ``JournalError``, ``StoreFailed``, ``OSError``, and
    ``ReceiverError`` where an address is taken.
    """
    log = logs.configure(people=False)
    log_what_nobody_catches(log)
    try:
        return _serve(settings, environ, log)
    except (ReceiverError, OSError):
        raise
    except Exception:
        log.exception("serve.bug")
        return 1


def _serve(settings: Settings, environ: Mapping[str, str], log: Any) -> int:
    forbid_core_dumps(environ)
    hide_memory(environ)
    raise_open_files()  # its children have it from here
    resolve_sources(settings, environ)  # every fault is named before anything starts
    need_exporter(settings)
    if settings.console.enabled:
        need_console()
        console_rules(settings, environ)
    keys = resolve_keys(settings, environ)

    def waiting(why: str) -> None:
        log.warning("serve.waiting", why=why)

    with contextlib.ExitStack() as stack:
        journal, lock = stack.enter_context(
            hold_journal(settings.journal.url, _wait_s(settings), keys, waiting, engine_options(settings, environ))
        )
        listener = listen(settings.server.host, settings.server.port, "server")
        stack.callback(listener.close)
        admin = listen(settings.admin.host, settings.admin.port, "admin")
        stack.callback(admin.close)
        interpret_wake, intake_wakes = _pipe(stack)
        publish_wake, interpret_wakes = _pipe(stack)
        configuration = stack.enter_context(passed_on(settings, journal))
        shared = {"configuration": configuration} | ({} if lock is None else {"lock": lock})
        interpret_fds = {**shared, "wake": interpret_wake, "wakes": interpret_wakes}

        def child(role: Role, descriptors: Mapping[str, int], on_death: OnDeath = nothing) -> Child:
            return Child(role, descriptors, log, on_death, hidden=foreign_variables(settings, role))

        children = [
            child("intake", {**shared, "listener": listener.fileno(), "wakes": intake_wakes}),
            child("interpret", interpret_fds, lambda code: _note_death(journal, code, log)),
        ]
        if settings.kafka is not None:
            children.append(child("publish", {**shared, "wake": publish_wake}))
        if polled(settings):
            children.append(child("reconcile", shared))
        if settings.traces.endpoint is not None:
            children.append(child("traces", shared))
        if settings.console.enabled:
            console = listen(settings.console.host, settings.console.port, "console")
            stack.callback(console.close)
            children.append(child("console", {**shared, "listener": console.fileno()}))
        log.info("serve.started", journal=journal.journal_id, host=settings.server.host, port=settings.server.port)
        _say_what_is_odd(settings, environ, log)
        supervisor = Supervisor(settings, admin, children, log, Systemd.of(os.environ))
        return asyncio.run(_until_stopped(supervisor, listener.close))


def _wait_s(settings: Settings) -> float:
    # Beyond a lease, which nobody gives back after a kill.
    return LOCK_WAIT_S + (settings.journal.lease_s if is_server(settings.journal.url) else 0)


def _say_what_is_odd(settings: Settings, environ: Mapping[str, str], log: Any) -> None:
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


def _pipe(stack: contextlib.ExitStack) -> tuple[int, int]:
    # (to read, to write), closed with the service.
    ends = os.pipe()
    for descriptor in ends:
        os.set_blocking(descriptor, False)
        stack.callback(os.close, descriptor)
    return ends
