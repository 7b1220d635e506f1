"""``receiver serve``: one supervisor, and processes that share nothing but the journal.

``intake`` takes callbacks, ``interpret`` says what they mean, ``publish`` takes the events to Kafka where one is
configured, and ``reconcile`` asks the providers' APIs where a source has ``poll``.

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
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from receiver.interpret.poison import after_death, from_document, points_at_the_batch, to_document
from receiver.journal.engines import folder_of_others, hold_journal
from receiver.journal.handle import Journal
from receiver.model.errors import ReceiverError, StoreFailed
from receiver.service import logs
from receiver.service.admin import OFF, admin_server, readiness
from receiver.service.config.polls import polled
from receiver.service.config.secret_lint import odd_secrets
from receiver.service.config.service_links import service_links
from receiver.service.config.settings import Settings
from receiver.service.config.sources import resolve_sources
from receiver.service.launch import GROUP_SIGNALS, command, environment, log_what_nobody_catches, signals_held_back
from receiver.service.listen import listen
from receiver.service.metrics import supervisor_text
from receiver.service.open_files import raise_open_files
from receiver.service.passed_on import passed_on
from receiver.service.process import RELOAD, STOP, Role
from receiver.service.systemd import Systemd

DEATHS_MAX = 20
"""Of one kind of child within ``DEATHS_WINDOW_S``; then the service gives up, exit 1."""
DEATHS_WINDOW_S = 60.0
BACKOFF_MIN_S, BACKOFF_MAX_S = 0.05, 1.0
"""Before a child is started again: it is to be back within 5 s, and 20 deaths are to fit into a minute."""
SILENT_S = 3.0
"""A child that has not reported for so long counts as down: ``/readyz`` is to be true within 5 s."""
REPORT_BYTES_MAX = 4 * 1024 * 1024
"""One report with its metrics; a longer line would be a bug."""
INTERPRET_SHARE = 0.3
"""Of the shutdown time, kept for interpreting and publishing after the intake process has had its part."""


class GaveUp(ReceiverError):
    """A child died too often."""


@dataclass(frozen=True, slots=True)
class Report:
    """A child's last words: its part of ``/readyz``, its metrics, and how many log lines it could not write."""

    status: Mapping[str, Any]
    metrics: bytes
    lines_lost: int
    heard_s: float


class Child:
    """One kind of child process, started again whenever it dies."""

    def __init__(
        self,
        role: Role,
        descriptors: Mapping[str, int],
        log: Any,
        on_death: Callable[[int], None] = lambda _code: None,
    ) -> None:
        self.role = role
        self._on_death = on_death
        self._descriptors = dict(descriptors)
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._link: socket.socket | None = None
        self._gone = asyncio.Event()
        self._gone.set()
        self._deaths: deque[float] = deque(maxlen=DEATHS_MAX)
        self._stopping = False
        self._report: Report | None = None
        self.restarts = 0
        self._lines_lost_before = 0
        """Log lines that those could not write who died."""

    def lines_lost(self) -> int:
        """How many log lines this kind of child could not write."""
        return self._lines_lost_before + (self._report.lines_lost if self._report is not None else 0)

    def report(self) -> Report | None:
        """What it said last, None when it is dead or has been silent for too long."""
        if self._report is None or time.monotonic() - self._report.heard_s > SILENT_S:
            return None
        return self._report

    def reload(self) -> None:
        """Have it read the secrets again, as soon as it hears; one that is not there reads them when it starts."""
        self._tell(RELOAD)

    async def run(self) -> None:
        """Keep it running until ``stop``; raises ``GaveUp``."""
        refusals = 0
        while not self._stopping:
            try:
                code = await self._live()
            except (OSError, RuntimeError) as error:  # no descriptor, process or thread is left: that may pass
                refusals += 1
                why = getattr(error, "strerror", None) or str(error)
                self._log.error("serve.child_not_started", role=self.role, why=why)
                await asyncio.sleep(_backoff_s(refusals))
                continue
            refusals = 0
            if self.stopping():
                return
            self._on_death(code)
            self.restarts += 1
            self._deaths.append(time.monotonic())
            self._log.error("serve.child_died", role=self.role, **_cause(code), restarts=self.restarts)
            recent = [at for at in self._deaths if time.monotonic() - at < DEATHS_WINDOW_S]
            if len(recent) >= DEATHS_MAX:
                raise GaveUp(f"the {self.role} process died {len(recent)} times within {DEATHS_WINDOW_S:.0f} s")
            await asyncio.sleep(_backoff_s(len(recent)))

    def stopping(self) -> bool:
        """Whether a death is now what was asked for."""
        return self._stopping

    async def stop(self, timeout_s: float) -> None:
        """Have it drain and end, and kill it when it takes longer than ``timeout_s``."""
        self._stopping = True
        self._tell(STOP)
        try:
            async with asyncio.timeout(timeout_s):
                await self._gone.wait()
        except TimeoutError:
            self._log.error("serve.child_killed", role=self.role, after_s=timeout_s)
            if self._process is not None:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
            await self._gone.wait()

    def _tell(self, order: bytes) -> None:
        # A few bytes always fit; whoever is too young to read them finds them, and whoever has ended needs none.
        if self._link is not None:
            with contextlib.suppress(OSError):
                self._link.send(order)

    async def _live(self) -> int:
        self._link, theirs = socket.socketpair()
        self._gone.clear()
        try:
            with theirs:
                self._process = await self._start(theirs.fileno())
            self._log.info("serve.child_started", role=self.role, pid=self._process.pid)
            listening = asyncio.create_task(self._listen(self._link))
            try:
                return await self._process.wait()
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
        finally:
            self._link.close()
            self._lines_lost_before = self.lines_lost()
            self._report = self._process = self._link = None
            self._gone.set()

    async def _start(self, link: int) -> asyncio.subprocess.Process:
        descriptors = {**self._descriptors, "link": link}
        with signals_held_back():
            return await asyncio.create_subprocess_exec(
                *command(self.role, descriptors),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=tuple(descriptors.values()),
                env=environment(os.environ),
            )

    async def _listen(self, ours: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=ours, limit=REPORT_BYTES_MAX)
        try:
            while line := await reader.readline():
                said = orjson.loads(line)
                metrics = said["metrics"].encode()
                self._report = Report(said["status"], metrics, said["lines_lost"], time.monotonic())
        finally:
            writer.close()


def _backoff_s(failures: int) -> float:
    return min(BACKOFF_MAX_S, BACKOFF_MIN_S * float(2 ** min(failures, 10)))


def _cause(code: int) -> dict[str, object]:
    if code < 0:
        return {"signal": signal.Signals(-code).name}
    return {"exit_code": code}


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
        asking = [self._reconcile.stop(rest_s)] if self._reconcile is not None else []
        await asyncio.gather(self._intake.stop(total_s - rest_s - 1), *asking)
        publishing = [self._publish.stop(rest_s)] if self._publish is not None else []
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
        return readiness(*map(_said, (self._intake, self._interpret, self._publish, self._reconcile)))

    def _metrics(self) -> bytes:
        reports = [child.report() for child in self._children]
        up: dict[str, bool] = {
            child.role: report is not None for child, report in zip(self._children, reports, strict=True)
        }
        restarts: dict[str, int] = {child.role: child.restarts for child in self._children}
        lost = logs.lines_lost() + sum(child.lines_lost() for child in self._children)
        own = supervisor_text(up, restarts, log_lines_lost=lost)
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
    raise_open_files()  # its children have it from here
    resolve_sources(settings, environ)  # every fault is named before anything starts
    with contextlib.ExitStack() as stack:
        journal, lock = stack.enter_context(hold_journal(settings.journal.url))
        listener = listen(settings.server.host, settings.server.port, "server")
        stack.callback(listener.close)
        admin = listen(settings.admin.host, settings.admin.port, "admin")
        stack.callback(admin.close)
        interpret_wake, intake_wakes = _pipe(stack)
        publish_wake, interpret_wakes = _pipe(stack)
        configuration = stack.enter_context(passed_on(settings, journal))
        shared = {"configuration": configuration, "lock": lock}
        interpret_fds = {**shared, "wake": interpret_wake, "wakes": interpret_wakes}
        children = [
            Child("intake", {**shared, "listener": listener.fileno(), "wakes": intake_wakes}, log),
            Child("interpret", interpret_fds, log, lambda code: _note_death(journal, code, log)),
        ]
        if settings.kafka is not None:
            children.append(Child("publish", {**shared, "wake": publish_wake}, log))
        if polled(settings):
            children.append(Child("reconcile", shared, log))
        log.info("serve.started", journal=journal.journal_id, host=settings.server.host, port=settings.server.port)
        _say_what_is_odd(settings, environ, log)
        supervisor = Supervisor(settings, admin, children, log, Systemd.of(os.environ))
        return asyncio.run(_until_stopped(supervisor, listener.close))


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
