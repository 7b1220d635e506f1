"""Where a replay goes: an HTTP receiver, a Kafka topic, or stdout; each with a preview and a run of its own."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from receiver.cli.context import Opened
from receiver.cli.exit_codes import DONE, FAILED, INTERRUPTED
from receiver.cli.output import say, show_table, write_line
from receiver.cli.progress import Advance, progress
from receiver.model.errors import ReceiverError
from receiver.model.percentile import percentile
from receiver.model.records import OutboxRecord
from receiver.operate.context import Context
from receiver.operate.export_callbacks import count, export, items, items_of_file
from receiver.operate.replay_callbacks import Done, HttpReplay, Item, Pace, Results
from receiver.operate.replay_events import journal_events, kafka_events, to_kafka
from receiver.operate.selection import Filter
from receiver.providers.contract import Sources
from receiver.sandbox.simulator import need_listener, require_own_host
from receiver.service.config.settings import load
from receiver.service.config.sources import resolve_sources

SAVE_S = 1.0
"""Between two notes of how far a run came."""
PREVIEW_MAX = 10
SPEEDS = {"1x": 1.0, "10x": 10.0, "100x": 100.0, "max": 0.0}

Rows = Sequence[tuple[str, str, int]]
"""(what, of it, how many), for people."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the person asked for, beside the selection."""

    run_id: str
    resumed: bool
    """Whether that run began before."""
    origin: str = "journal"
    """``journal``, ``kafka``, or a file's path."""
    url: str | None = None
    topic: str | None = None
    raw: bool = False
    speed: str = "max"
    rate: float | None = None
    """Callbacks a second, at most."""
    failures_max: int = 20
    as_received: bool = False
    target_config: Path | None = None
    i_own_this_host: bool = False
    dry_run: bool = False
    yes: bool = False

    @property
    def file(self) -> Path | None:
        """The file that callbacks come from, None where they come from the journal or from Kafka."""
        return None if self.origin in {"journal", "kafka"} else Path(self.origin)


def interrupted(options: Options, why: str) -> int:
    """Say how to go on; the exit code."""
    say(f"interrupted; {why}. To go on, the same command with --resume {options.run_id}")
    return INTERRUPTED


def _events(context: Context, wanted: Filter, options: Options) -> AsyncIterator[OutboxRecord]:
    return kafka_events(context, wanted) if options.origin == "kafka" else journal_events(context, wanted)


class ToStdout:
    """Events, or callbacks as an export writes them."""

    def __init__(self, context: Context, wanted: Filter, options: Options) -> None:
        """Raises ``UsageError`` for what does not go together."""
        if options.file is not None:
            raise click.UsageError("a file is sent by --to http alone; --to stdout shows a journal, or Kafka")
        if options.raw and options.origin == "kafka":
            raise click.UsageError("Kafka holds events, not callbacks: --raw shows those of a journal")
        self._context = context
        self._wanted = wanted
        self._options = options

    def run(self) -> int:
        """Write them; the exit code."""
        if self._options.raw:
            for line in export(self._context, self._wanted, unmasked=False):
                write_line(line)
        else:
            asyncio.run(self._write())
        return DONE

    async def _write(self) -> None:
        async for record in _events(self._context, self._wanted, self._options):
            write_line(record.value)


class ToKafka:
    """Events to a topic, each once for a run."""

    def __init__(self, context: Context, wanted: Filter, options: Options) -> None:
        """Raises ``UsageError`` for what does not go together, ``ConfigurationError`` without Kafka."""
        if not options.topic:
            raise click.UsageError("--to kafka needs --topic")
        if options.file is not None:
            raise click.UsageError("a file holds callbacks, not events: --to http")
        context.need_kafka()
        self._topic = options.topic
        self._context = context
        self._wanted = wanted
        self._options = options

    def preview(self) -> tuple[int, Rows]:
        """How many events are chosen, and of what."""
        kinds = asyncio.run(self._count())
        rows = [(kind, status, number) for (kind, status), number in sorted(kinds.items())]
        return kinds.total(), rows[:PREVIEW_MAX]

    async def _count(self) -> Counter[tuple[str, str]]:
        kinds: Counter[tuple[str, str]] = Counter()
        with progress("counted", None) as advance:
            async for record in _events(self._context, self._wanted, self._options):
                kinds[record.kind, record.status] += 1
                advance()
        return kinds

    def run(self, total: int) -> int:
        """Publish them; the exit code."""
        events = _events(self._context, self._wanted, self._options)
        try:
            with progress("published", total) as advance:
                work = to_kafka(self._context, events, topic=self._topic, run_id=self._options.run_id, advance=advance)
                sent = asyncio.run(work)
        except KeyboardInterrupt:
            return interrupted(self._options, "each event is on the topic once")
        say(f"published {sent} events to {self._topic}, header receiver-replay: {self._options.run_id}")
        return DONE


class ToHttp:
    """Callbacks to a receiver, as their providers would send them."""

    def __init__(self, opened: Opened, wanted: Filter, options: Options) -> None:
        """Raises ``UsageError`` for what does not go together, ``ReceiverError`` for a file that cannot be read."""
        if not options.url:
            raise click.UsageError("--to http needs a URL")
        if options.origin == "kafka":
            raise click.UsageError("Kafka holds events, not callbacks: --to kafka or --to stdout")
        if options.file is not None and wanted.about_events:
            raise click.UsageError(
                "nobody has interpreted the callbacks of a file: --since, --until, --source and --limit choose"
            )
        require_own_host(options.url, mine=options.i_own_this_host)
        self._url = options.url
        self._opened = opened
        self._context = opened.context
        self._wanted = wanted
        self._options = options
        self._text = None if options.file is None else _read(options.file)

    def preview(self) -> tuple[int, Rows]:
        """How many callbacks are chosen, and of what."""
        if self._text is None:
            with progress("counted", None) as advance:
                total, kinds = count(self._context, self._wanted, advance)
        else:
            kinds = Counter(item.callback.source for item in self._items(0))
            total = kinds.total()
        return total, [(what, "", number) for what, number in kinds.most_common(PREVIEW_MAX)]

    def _items(self, after: int) -> Iterator[Item]:
        if self._text is None:
            return items(self._context, self._wanted, after)
        return items_of_file(self._text, self._wanted.source, self._wanted, self._context.clock.now_us())

    def run(self, total: int) -> int:
        """Send them; the exit code."""
        options = self._options
        need_listener(self._url)
        pace = Pace(SPEEDS[options.speed], options.rate, options.failures_max)
        sending = HttpReplay(self._url, self._targets(), pace, self._done(), as_received=options.as_received)
        with progress("sent", total) as advance:
            asyncio.run(self._send(sending, advance))
        return self._report(sending.results)

    def _targets(self) -> Sources:
        if self._options.as_received:
            return {}
        if self._options.target_config is None:
            return self._context.sources
        return resolve_sources(load(self._options.target_config), self._opened.environ)

    def _done(self) -> Done:
        if not self._options.resumed:
            return Done()
        state = self._context.runs.load(self._options.run_id)
        return Done(state["low"], set(state["beyond"]))

    async def _send(self, sending: HttpReplay, advance: Advance) -> None:
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
        self._context.runs.save(self._options.run_id, state)

    def _report(self, results: Results) -> int:
        rows: list[tuple[str, Any]] = [(f"answer {name}", number) for name, number in sorted(results.answers.items())]
        rows += [("done", results.done), ("failed", results.failed)]
        for share in (0.5, 0.99) if results.latencies_s else ():
            rows.append((f"p{int(share * 100)}_ms", round(percentile(results.latencies_s, share) * 1000, 2)))
        show_table("", ("figure", "value"), rows)
        if results.stopped == "interrupted":
            return interrupted(self._options, "what was answered 200 is not sent again")
        if results.stopped:
            say(f"stopped: {results.stopped}; to go on: --resume {self._options.run_id}")
        return FAILED if results.failed or results.stopped else DONE


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ReceiverError(f"{path}: not UTF-8 at byte {error.start}: no export, HAR file or curl command") from None
