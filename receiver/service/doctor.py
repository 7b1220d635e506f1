"""What is wrong and what to do about it, of all that a service needs, on one page.

Each part is looked at by what knows it: this puts their answers side by side, and what cannot be looked at, since
something before it is wrong, is said in its place. Nothing is changed anywhere.
"""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import orjson
from prometheus_client.parser import text_string_to_metric_families

from receiver.intake.http_server import FILES_KEPT
from receiver.journal.engines import is_server, location, there_is_a_journal
from receiver.model.errors import ReceiverError
from receiver.operate import journal as journal_operate
from receiver.operate import topics
from receiver.operate.context import Context
from receiver.service.config.secret_lint import references
from receiver.service.config.settings import Settings
from receiver.service.health import EVERY_ADDRESS, ask

Level = Literal["fault", "warning", "note", "well"]
ANSWER_S = 3.0
"""For each answer of a service that may be standing still."""
SECRET_DAYS_MAX = 365
ODD_REQUESTS: Mapping[str, str] = {
    "proxy_protocol": "a proxy puts a PROXY protocol header before each request",
    "tls": "somebody speaks TLS to the plain port",
    "http2": "a proxy speaks HTTP/2 to a port that speaks HTTP/1.1",
    "transfer_coding": "a proxy packs bodies on the way",
}
"""Label ``why`` of ``receiver_http_errors_total`` → what stands before the service does."""


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that was looked at."""

    level: Level
    area: str
    what: str
    mend: str = ""

    def document(self) -> dict[str, str]:
        """For ``--json``."""
        return asdict(self)


def examine(settings: Settings, context: Context, *, thorough: bool) -> Iterator[Sign]:
    """Give what there is to say beyond the configuration itself, area by area.

    ``thorough``: also read the whole journal, which takes a minute for each few million callbacks.
    """
    yield from _ages(settings, time.time())
    yield from _limits(settings)
    yield from _disk(settings)
    yield from _journal(settings, context, thorough=thorough)
    yield from _kafka(context)
    yield from _running(settings)


def _ages(settings: Settings, now_s: float) -> Iterator[Sign]:
    for place, reference in references(settings):
        kind, _, name = reference.partition(":")
        if kind != "file":
            continue
        try:
            days = (now_s - Path(name).stat().st_mtime) / 86_400
        except OSError:
            continue  # the configuration's faults name it
        if days > SECRET_DAYS_MAX:
            what = f"{place}: {name} has been the same for {days:.0f} days"
            yield Sign("warning", "secrets", what, "`receiver docs operate/running.md`: rotate a secret")


def _limits(settings: Settings) -> Iterator[Sign]:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    connections = settings.server.connections_max
    needed = connections + FILES_KEPT
    if hard != resource.RLIM_INFINITY and hard < needed:
        what = f"a process may have {hard} files open here; {connections} connections need {needed}"
        yield Sign("warning", "limits", what, f"raise the hard limit to {needed} (LimitNOFILE, ulimit -Hn)")
    else:
        yield Sign("well", "limits", "as many open files as all connections need")


def _disk(settings: Settings) -> Iterator[Sign]:
    if is_server(settings.journal.url):
        return
    folder = Path(location(settings.journal.url)).absolute()
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free, least = shutil.disk_usage(there).free, settings.journal.disk_free_bytes_min
    said = f"{_bytes(free)} free at {there}"
    if free < least:
        what = f"{said}: below journal.disk_free_bytes_min, {_bytes(least)}, so every callback gets 503"
        yield Sign("fault", "disk", what, "free space; it heals by itself")
    elif free < 10 * least:
        yield Sign("warning", "disk", f"{said}; at {_bytes(least)} callbacks get 503", "free space, or a larger disk")
    else:
        yield Sign("well", "disk", said)
    inodes = os.statvfs(there)
    if inodes.f_files and inodes.f_favail < 1000:
        yield Sign("fault", "disk", f"only {inodes.f_favail} files can be made at {there}", "delete files there")


def _journal(settings: Settings, context: Context, *, thorough: bool) -> Iterator[Sign]:
    place = location(settings.journal.url)
    if not is_server(settings.journal.url) and not there_is_a_journal(settings.journal.url):
        yield Sign("note", "journal", f"none at {place} yet: the service makes it when it first starts")
        return
    try:
        figures = context.journal.stats()
        checked = asyncio.run(journal_operate.check(context)) if thorough else None
    except ReceiverError as error:
        yield Sign("fault", "journal", str(error), "`receiver docs operate/running.md`, Messages at start")
        return
    loose = figures.get("callbacks_after_parts")
    if loose:
        what = f"{loose} callbacks came after the last part was full: no worker makes the next ones"
        yield Sign("warning", "journal", what, "`receiver docs operate/postgresql.md`, How old callbacks go")
    for fault in checked.faults if checked is not None else ():
        yield Sign(
            "fault", "journal", fault, "`receiver docs operate/kafka.md`, Stopped; report what it does not explain"
        )
    if checked is None or not checked.faults:
        looked = "sound" if checked is not None else "not read through (--quick)"
        yield Sign("well", "journal", f"{looked}: " + ", ".join(f"{name} {figures[name]}" for name in figures))


def _kafka(context: Context) -> Iterator[Sign]:
    if context.kafka is None:
        yield Sign("note", "kafka", "not configured: events stay in the outbox", "add [kafka] to publish them")
        return
    try:
        findings = asyncio.run(topics.look(context))
    except ReceiverError as error:
        yield Sign("fault", "kafka", str(error), "`receiver docs operate/readyz.md`")
        return
    for finding in findings:
        yield Sign("fault" if finding.fault else "note", "kafka", finding.text, finding.mend)
    if not any(finding.fault for finding in findings):
        yield Sign("well", "kafka", "all that publishing needs is there")


def _running(settings: Settings) -> Iterator[Sign]:
    host, port = EVERY_ADDRESS.get(settings.admin.host, settings.admin.host), settings.admin.port
    try:
        _, body = ask(host, port, "/readyz", ANSWER_S)
        said = orjson.loads(body)
        _, text = ask(host, port, "/metrics", ANSWER_S)
        yield from _states(said)
        yield from _numbers(text.decode())
    except ReceiverError as error:
        yield Sign("note", "service", f"not running, or not here: {error}", "receiver serve")
    except (ValueError, KeyError, TypeError):
        what = f"what answers at {host}:{port} is no receiver"
        yield Sign("fault", "service", what, "set admin.port to one that is free")


def _states(said: Mapping[str, Any]) -> Iterator[Sign]:
    for part, bad in (("inbox", "fault"), ("interpret", "fault"), ("kafka", "fault"), ("reconcile", "warning")):
        state = said.get(part)
        if state is None:
            continue
        detail = state.get("detail")
        if state["state"] in {"down", "stopped"}:
            level: Level = "fault" if bad == "fault" else "warning"
            what = f"{part} is {state['state']}: {detail or 'no reason given'}"
            yield Sign(level, "service", what, "`receiver docs operate/readyz.md`")
        elif detail:
            yield Sign("warning", "service", f"{part}: {detail}", "`receiver docs operate/readyz.md`")
        else:
            yield Sign("well", "service", f"{part} is {state['state']}")


def _numbers(text: str) -> Iterator[Sign]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            why = sample.labels.get("why", "")
            if not sample.value:
                continue
            if sample.name == "receiver_http_errors_total" and why in ODD_REQUESTS:
                what = f"{ODD_REQUESTS[why]}: {sample.value:.0f} requests since the start"
                yield Sign(
                    "fault", "proxies", what, "`receiver docs operate/callers.md`, Callers that do not get through"
                )
            elif sample.name == "receiver_connections_refused_total" and why == "too_many":
                what = f"{sample.value:.0f} connections were refused since the start: too many were open"
                yield Sign(
                    "warning", "proxies", what, "`receiver docs operate/callers.md`, Callers that do not get through"
                )
            elif sample.name == "receiver_log_lines_lost_total":
                yield Sign(
                    "warning",
                    "log",
                    f"{sample.value:.0f} lines were lost since the start",
                    "`receiver docs operate/machine.md`, The log",
                )


def _bytes(count: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.4g} {unit}"
        count /= 1000
    return f"{count:.4g} TB"
