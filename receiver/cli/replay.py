"""``export``, ``import``, ``replay``: yesterday's traffic again, on this machine or another."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from receiver.cli.exit_codes import INTERRUPTED
from receiver.cli.output import config_option, load_or_built_in, say, show_table, write_json, write_line
from receiver.cli.progress import progress
from receiver.model.callback import EntryId
from receiver.model.errors import ReceiverError
from receiver.model.records import OutboxRecord
from receiver.operate import export_callbacks as transfer
from receiver.operate.import_callbacks import import_lines
from receiver.operate.replay_callbacks import Done, HttpReplay, Item, Pace, Results
from receiver.operate.replay_events import journal_events, kafka_events, to_kafka
from receiver.operate.reprocess import reprocess_preview
from receiver.operate.requests import request
from receiver.operate.run_state import load_run, save_run
from receiver.operate.selection import Filter
from receiver.sandbox.simulator import require_own_host
from receiver.service import logs
from receiver.service.config.settings import Settings, load
from receiver.service.config.sources import resolve_sources
from receiver.service.kafka import need_kafka

SAVE_S = 1.0
PREVIEW_MAX = 10


class Time(click.ParamType[int]):
    """RFC 3339 → Unix microseconds."""

    name = "TIME"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Fail with a sentence on anything else."""
        with contextlib.suppress(TypeError, ValueError):
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is not None:
                return round(moment.timestamp() * 1_000_000)
        return self.fail(f"{value!r} is no RFC 3339 time with a zone, as 2024-05-27T08:55:30Z", param, ctx)


def filters(function: Any) -> Any:
    """The options that choose callbacks."""
    for option in (
        click.option("--since", "since_us", type=Time(), help="Received at or after this RFC 3339 time."),
        click.option("--until", "until_us", type=Time(), help="Received before this RFC 3339 time."),
        click.option("--source", help="Only of this source."),
        click.option("--provider", help="Only events of this provider."),
        click.option("--family", help="Only events of this family."),
        click.option("--kind", help="Only events of this kind."),
        click.option("--operation", help="Only events with this id of the provider."),
        click.option("--status", help="Only events with this status."),
        click.option("--sequence", type=int, help="Only events with this sequence."),
        click.option("--limit", type=click.IntRange(1), help="At most so many, the oldest."),
    ):
        function = option(function)
    return function


@click.command("export")
@config_option
@filters
@click.option("--unmasked", is_flag=True, help="With whole card numbers and secrets in headers.")
@click.option("--to", "target", type=click.Path(path_type=Path, dir_okay=False), help="A file; else stdout.")
def export_command(config: Path | None, *, unmasked: bool, target: Path | None, **wanted: Any) -> None:
    """Write callbacks as JSON Lines with their raw bytes in base64."""
    settings, _ = load_or_built_in(config)
    lines = transfer.export(settings, Filter(**wanted), unmasked=unmasked)
    if target is None:
        for line in lines:
            write_line(line)
        return
    count, new = 0, target.with_name(target.name + ".part")
    with progress("exported", None) as advance, os.fdopen(_private(new), "wb") as file:
        for line in lines:
            file.write(line + b"\n")
            count += 1
            advance()
    new.replace(target)
    say(f"wrote {count} callbacks to {target}" + ("" if unmasked else ", card numbers and secrets masked"))


def _private(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)


@click.command("import")
@config_option
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--publish", is_flag=True, help="Publish their events; else they count as published already.")
@click.option("--trust", is_flag=True, help="Take callbacks whose signature cannot be checked, masked ones too.")
@click.option("--source", help="Of callbacks in a HAR file or a curl command.")
def import_command(config: Path | None, file: Path, *, publish: bool, trust: bool, source: str | None) -> None:
    """Put exported callbacks into this journal, with their times of receipt. No service may run on it meanwhile."""
    settings, environ = load_or_built_in(config)
    text = file.read_text("utf-8")
    with progress("imported", text.count("\n")) as advance:
        work = import_lines(settings, environ, text, publish=publish, trust=trust, source=source, advance=advance)
        done = asyncio.run(work)
    became = ", ".join(f"{name} {count}" for name, count in sorted((done.outcomes or {}).items()))
    say(f"imported {done.callbacks} callbacks ({done.unverified} unverified): {became or 'nothing'}")


@click.command()
@config_option
@filters
@click.option("--from", "origin", default="journal", show_default=True, help="journal, kafka, or a file.")
@click.option("--to", "target", nargs=1, type=click.Choice(["http", "kafka", "stdout"]), help="Where to.")
@click.argument("url", required=False)
@click.option("--topic", help="With --to kafka: the topic.")
@click.option("--raw", is_flag=True, help="With --to stdout: the callbacks instead of the events; masked.")
@click.option("--reprocess", is_flag=True, help="What today's code would say otherwise, as new revisions.")
@click.option("--speed", default="max", show_default=True, type=click.Choice(["1x", "10x", "100x", "max"]))
@click.option("--rate", type=click.FloatRange(0.01), help="At most so many callbacks a second.")
@click.option("--failures-max", default=20, show_default=True, help="Failures in a row after which it stops.")
@click.option("--as-received", is_flag=True, help="With the stored headers; else signed anew, as of now.")
@click.option(
    "--target-config", type=click.Path(path_type=Path, exists=True), help="The target's configuration, to sign."
)
@click.option("--i-own-this-host", is_flag=True, help="Allow a host that is not loopback.")
@click.option("--dry-run", is_flag=True, help="Only count and show.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--resume", "run_id", help="Go on with an interrupted run; give the same other options.")
def replay(config: Path | None, **options: Any) -> int:
    """Send stored callbacks or events again. Every run begins with a count and a preview."""
    logs.configure(people=True)
    settings, environ = load_or_built_in(config)
    names = ("since_us", "until_us", "source", "provider", "family", "kind", "operation", "status", "sequence", "limit")
    run = _Run(settings, environ, Filter(**{name: options.pop(name) for name in names}), options)
    return run.reprocess() if options["reprocess"] else run.start()


class _Run:
    """One run of replay."""

    def __init__(self, settings: Settings, environ: dict[str, str], wanted: Filter, options: dict[str, Any]) -> None:
        self._settings = settings
        self._environ = environ
        self._wanted = wanted
        self._options = options
        self._folder = settings.journal.folder.parent / "replay"
        self.run_id = options["run_id"] or secrets.token_hex(4)
        self._text = "" if options["origin"] in {"journal", "kafka"} else self._read_file()

    def start(self) -> int:
        target = self._options["target"]
        if target is None:
            raise click.UsageError("--to http URL, --to kafka --topic TOPIC, or --to stdout; or --reprocess")
        if target == "stdout":
            return self._to_stdout()
        self._check(target)
        total = self._preview()
        if self._options["dry_run"] or total == 0:
            return 0
        if not self._options["yes"]:
            click.confirm(f"Replay {total} to {self._options['url'] or self._options['topic']}?", err=True, abort=True)
        say(f"run {self.run_id}")
        return self._to_http(total) if target == "http" else self._to_kafka(total)

    def reprocess(self) -> int:
        found = list(reprocess_preview(self._settings, self._environ, self._wanted))
        for number, event, changed in found:
            differ = {name: {"published": was, "now": now} for name, (was, now) in changed.items()}
            about = {"callback": number, "operation": event["operation_id"], "status": event["status"]}
            write_json([about | {"differences": differ}])
        say(f"{len(found)} events would differ")
        if self._options["dry_run"] or not found:
            return 0
        if not self._options["yes"]:
            click.confirm("Publish them as new revisions?", err=True, abort=True)
        number, done = request(self._settings, "reprocess", [EntryId("inbox", number) for number, _, _ in found])
        say(f"request {number}: " + ("done" if done else "it will be carried out once `receiver serve` runs"))
        return 0

    def _check(self, target: str) -> None:
        if target == "http":
            if not self._options["url"]:
                raise click.UsageError("--to http needs a URL")
            if self._options["origin"] == "kafka":
                raise click.UsageError("Kafka holds events, not callbacks: --to kafka or --to stdout")
            require_own_host(self._options["url"], mine=self._options["i_own_this_host"])
            return
        need_kafka(self._settings, self._environ)
        if not self._options["topic"]:
            raise click.UsageError("--to kafka needs --topic")
        if self._options["origin"] not in {"journal", "kafka"}:
            raise click.UsageError("a file holds callbacks, not events: --to http or --to stdout")

    def _preview(self) -> int:
        if self._options["target"] == "kafka":
            total, rows = asyncio.run(self._count_events())
        elif self._text:
            found = list(self._items(0))
            total, rows = len(found), [(item.callback.source, "", 1) for item in found[:PREVIEW_MAX]]
        else:
            total, kinds = transfer.count(self._settings, self._wanted)
            rows = [(what, "", count) for what, count in kinds.most_common(PREVIEW_MAX)]
        say(f"{total} chosen" + ("" if total else ": nothing to do"))
        if rows:
            show_table("", ("what", "", "count"), rows)
        return total

    async def _count_events(self) -> tuple[int, list[tuple[str, str, int]]]:
        total, kinds = 0, dict[tuple[str, str], int]()
        async for record in self._events():
            total += 1
            kinds[record.kind, record.status] = kinds.get((record.kind, record.status), 0) + 1
        return total, [(kind, status, count) for (kind, status), count in sorted(kinds.items())][:PREVIEW_MAX]

    def _events(self) -> AsyncIterator[OutboxRecord]:
        if self._options["origin"] == "kafka":
            return kafka_events(self._settings, self._environ, self._wanted)
        return journal_events(self._settings, self._wanted)

    def _items(self, after: int) -> Iterable[Item]:
        if self._text:
            return transfer.items_of_file(self._text, self._wanted.source, self._wanted)
        return transfer.items(self._settings, self._wanted, after)

    def _to_stdout(self) -> int:
        if self._options["raw"]:
            for line in transfer.export(self._settings, self._wanted, unmasked=False):
                write_line(line)
            return 0

        async def write() -> None:
            async for record in self._events():
                write_line(record.value)

        asyncio.run(write())
        return 0

    def _to_kafka(self, total: int) -> int:
        try:
            with progress("published", total) as advance:
                work = to_kafka(
                    self._settings, self._environ, self._events(),
                    topic=self._options["topic"], run_id=self.run_id, advance=advance,
                )  # fmt: skip
                sent = asyncio.run(work)
        except KeyboardInterrupt:
            return self._interrupted("each event is on the topic once")
        say(f"published {sent} events to {self._options['topic']}, header receiver-replay: {self.run_id}")
        return 0

    def _to_http(self, total: int) -> int:
        done = self._load_done()
        targets: dict[str, Any] = {}
        if not self._options["as_received"]:
            target_config = self._options["target_config"]
            settings = load(target_config) if target_config else self._settings
            targets = dict(resolve_sources(settings, self._environ))
        speed = {"1x": 1.0, "10x": 10.0, "100x": 100.0, "max": 0.0}[self._options["speed"]]
        pace = Pace(speed, self._options["rate"], self._options["failures_max"])
        sending = HttpReplay(self._options["url"], targets, pace, done, as_received=self._options["as_received"])
        with progress("sent", total) as advance:
            asyncio.run(self._send(sending, advance))
        return self._report(sending.results)

    async def _send(self, sending: HttpReplay, advance: Any) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, sending.stop, "interrupted")
        saving = asyncio.create_task(self._save_now_and_then(sending))
        try:
            await sending.run(self._items(sending.done.low), advance)
        finally:
            saving.cancel()
            self._save(sending)

    async def _save_now_and_then(self, sending: HttpReplay) -> None:
        while True:
            await asyncio.sleep(SAVE_S)
            self._save(sending)

    def _save(self, sending: HttpReplay) -> None:
        state = {"low": sending.done.low, "beyond": sorted(sending.done.beyond)}
        save_run(self._folder, self.run_id, state)

    def _load_done(self) -> Done:
        if self._options["run_id"] is None:
            return Done()
        state = load_run(self._folder, self.run_id)
        return Done(state["low"], set(state["beyond"]))

    def _report(self, results: Results) -> int:
        ordered = sorted(results.latencies_s)
        rows: list[tuple[str, object]] = [(f"answer {name}", count) for name, count in sorted(results.answers.items())]
        rows += [("done", results.done), ("failed", results.failed)]
        for share in (0.5, 0.99) if ordered else ():
            at = min(len(ordered) - 1, int(share * len(ordered)))
            rows.append((f"p{int(share * 100)}_ms", round(ordered[at] * 1000, 2)))
        show_table("", ("figure", "value"), rows)
        if results.stopped == "interrupted":
            return self._interrupted("what was answered 200 is not sent again")
        if results.stopped:
            say(f"stopped: {results.stopped}; to go on: --resume {self.run_id}")
        return 1 if results.failed or results.stopped else 0

    def _interrupted(self, why: str) -> int:
        say(f"interrupted; {why}. To go on, the same command with --resume {self.run_id}")
        return INTERRUPTED

    def _read_file(self) -> str:
        try:
            return Path(self._options["origin"]).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ReceiverError(f"{self._options['origin']}: {error}") from None
