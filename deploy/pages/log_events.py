"""Every line that the service can write to its log: found in the code, with what it means, for ``docs/reference``.

Names, levels and fields are read from the code's syntax tree; what a line means is said here, once. A test holds the
two against each other, so that no line is without its meaning and no meaning without its line.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
LEVELS = {"info": "info", "warning": "warning", "error": "error", "exception": "error"}
"""Method of a logger → level."""
NAME = re.compile(
    r"(callback|clock|connection|console|database|event|http|inbox|intake|interpret|lease|library|log|outbox|publish|python"
    r"|reconcile|rejects?|relay|request|serve|slot|source|traces)\.(?!html$)[a-z_]+"
)
NO_EVENTS = {"console.host", "console.hosts", "http.request", "inbox.db", "outbox.db", "rejects.db", "rejects.kept_max"}
"""What has the same form: a message of ASGI, files, a key of the configuration."""
BUILT = {"relay.kafka_": ("up", "down", "stopped")}
"""A name that is put together → its ends."""


class Found(NamedTuple):
    """One event, as the code writes it."""

    level: str | None
    """None where the code passes it on, and does not write it in place."""
    fields: tuple[str, ...]


class Meaning(NamedTuple):
    """What a person should know of it."""

    level: str
    text: str


INFO, WARN, ERROR = "info", "warning", "error"
EVENTS: Mapping[str, Meaning] = {
    name: Meaning(level, text)
    for name, level, text in (
        ("callback.accepted", INFO, "a callback is committed, and was answered 200"),
        ("callback.bug", ERROR, "interpreting it raised an error of ours; it is quarantined as `internal_error`"),
        ("callback.closed", INFO, "a person ended entries of the quarantine"),
        ("callback.internal_error", ERROR, "an error of ours before the callback was safe; it was answered 503"),
        ("callback.quarantined", WARN, "genuine, and nobody could read it; kept whole, with the reason"),
        ("callback.redriven", INFO, "an entry of the quarantine could be read now, and is an event"),
        ("callback.refused", WARN, "a callback was refused; `error` is the answer's word, `why` the reason behind it"),
        ("callback.repeated", INFO, "the same source and body were stored before; answered 200 and not stored again"),
        ("callback.still_unreadable", INFO, "an entry of the quarantine cannot be read today either"),
        (
            "callback.unreadable_today",
            INFO,
            "what became an event once cannot be read by today's code; all stays",
        ),
        ("clock.jumped", WARN, "the wall clock jumped against the monotonic one"),
        (
            "connection.refused",
            WARN,
            "a connection was closed for a limit; at most every ten minutes for a `why`",
        ),
        (
            "console.body_shown",
            INFO,
            "somebody was shown a callback's whole body, with card numbers; `why` is their reason",
        ),
        ("console.bug", ERROR, "making a page raised an error of ours; report it"),
        ("console.index_refused", ERROR, "the index of searches could not be written; it is tried again, pages go on"),
        (
            "console.listener_dropped",
            INFO,
            "a browser that follows the tail read nothing for too long; it comes back by itself",
        ),
        ("console.login", INFO, "somebody logged in at the console, by the name that they gave"),
        ("console.login_refused", WARN, "somebody came to the console with a wrong token, or guessed too often"),
        ("console.refused", WARN, "a change was not asked for: its form was not ours, or the visitor only reads"),
        ("console.replay", INFO, "somebody began a replay to a receiver of this machine at the console"),
        ("console.replayed", INFO, "that replay has ended; `failed` callbacks were not taken"),
        ("console.request", INFO, "somebody asked for a change at the console; `request` is its number"),
        ("console.tail_failed", ERROR, "the outbox could not be read for the console's tail"),
        ("console.tracked", INFO, "somebody has an operation watched from now on, by the console"),
        ("database.down", ERROR, "a shared journal's database does not answer; it is asked again twice a second"),
        ("database.up", INFO, "a shared journal's database answers again"),
        ("event.recorded", INFO, "a callback became a status event in the outbox"),
        ("event.repeated", INFO, "a callback said what an event said before, and is a duplicate"),
        ("http.refused", WARN, "a request was refused before it was one; at most every ten minutes for a `why`"),
        ("inbox.down", ERROR, "callbacks cannot be made safe and get 503, for the reason in `detail`"),
        ("inbox.duplicates_purged", INFO, "duplicates went after their day"),
        (
            "inbox.lost",
            ERROR,
            "a server took over that lacks callbacks answered 200 after number `after`; look in Kafka for them",
        ),
        (
            "inbox.part_not_made",
            WARN,
            "the inbox's next part could not be made yet, for the reason in `why`; nothing is lost",
        ),
        ("inbox.part_stays", WARN, "a part of the inbox that is due could not be dropped yet, for the reason in `why`"),
        ("inbox.parts_dropped", INFO, "parts of the inbox went whole; `set_aside` of their callbacks stay"),
        (
            "inbox.parts_missing",
            WARN,
            "`callbacks` came after the last part was full: no worker makes the next ones; nothing is lost",
        ),
        ("inbox.parts_made", INFO, "the inbox has parts for what comes next"),
        ("inbox.purged", INFO, "callbacks went after `journal.retention_days`"),
        ("inbox.up", INFO, "callbacks are taken again"),
        ("intake.open_files_too_few", WARN, "the limit of open files is below what `server.connections_max` needs"),
        ("intake.repeats_unknown", WARN, "what was stored before could not be read: repeats are stored once more"),
        ("interpret.backlog", WARN, "the oldest callback that waits to be interpreted is old"),
        ("lease.lost", WARN, "what one worker does for all is another's to do by now"),
        ("lease.taken", INFO, "this worker does what one does for all: `keeper` lets old callbacks go"),
        ("library.log", WARN, "what a library said, at its own level, warning or error"),
        ("log.lines_lost", WARN, "log lines were dropped, since nobody took them"),
        ("outbox.purged", INFO, "events went after `journal.retention_days`"),
        ("outbox.refused", ERROR, "the outbox refused a batch; it is tried again each second"),
        ("publish.backlog", WARN, "the oldest event that waits for Kafka is old"),
        ("python.uncaught", ERROR, "an error that nothing caught; report it"),
        ("python.unraisable", ERROR, "an error where none can be raised; report it"),
        ("reconcile.bug", ERROR, "asking a provider raised an error of ours; report it"),
        ("reconcile.failed", WARN, "a call of a provider's API failed; `failure` says how"),
        ("reconcile.gave_up", WARN, "an operation is asked about no more: the API refused or did not know it for days"),
        ("reconcile.learnt", INFO, "an answer said something new, and goes the way of a callback"),
        ("reconcile.overdue", WARN, "operations have been open for longer than `poll.overdue_s`"),
        ("reconcile.refused", ERROR, "the journal did not take what was learnt; it is tried again"),
        ("reconcile.scanned", INFO, "a list of operations was read to its end"),
        ("reconcile.shifted", INFO, "a list changed while it was read, and is read again"),
        ("reject.not_kept", WARN, "a sample of a refused callback could not be kept"),
        ("rejects.purged", INFO, "samples of refused callbacks went after `rejects.keep_days`"),
        ("relay.bug", ERROR, "publishing raised an error of ours; report it"),
        ("relay.connected", INFO, "the relay knows its position on Kafka; `note` says what it ended or mended first"),
        ("relay.kafka_down", WARN, "nothing goes to Kafka, for the reason in `detail`; it is tried again"),
        ("relay.kafka_stopped", ERROR, "the journal and Kafka's memory of it do not fit; a person decides"),
        ("relay.kafka_up", INFO, "records go through"),
        ("relay.narrowed", INFO, "transactions are made smaller after a failure"),
        ("relay.partitions_changed", WARN, "a topic has another number of partitions than its keys go over"),
        ("relay.partitions_settled", INFO, "from now on a topic's keys go over this many partitions"),
        ("relay.published", INFO, "a transaction was committed on Kafka"),
        (
            "relay.record_refused",
            ERROR,
            "Kafka refuses an event as too large; a quarantine record stands in its place",
        ),
        ("relay.throttled", INFO, "brokers asked this client to wait, and it waits"),
        ("request.unknown", ERROR, "a newer release left a request that this one cannot do; it is passed over"),
        ("serve.bug", ERROR, "an error of ours in the supervisor; report it"),
        ("serve.callback_suspected", ERROR, "an interpreter died; these callbacks are tried alone"),
        ("serve.child_cannot_start", ERROR, "a process ended before it began, for the reason in `why`"),
        ("serve.child_died", ERROR, "a process ended by itself: signal or exit code, and how often by now"),
        ("serve.child_failed", ERROR, "a process ends, of this error"),
        ("serve.child_hung", ERROR, "a process of a slot was not heard of for minutes; it is killed and started again"),
        ("serve.child_killed", ERROR, "a process did not end in time and was killed"),
        ("serve.child_not_started", ERROR, "the machine has no process, memory or open file left for it"),
        ("serve.child_started", INFO, "a process was started"),
        ("serve.gave_up", ERROR, "one kind of process died too often; the service ends with exit 1"),
        ("serve.journal_folder_of_others", WARN, "the journal's folder belongs to another user"),
        ("serve.lesson_not_kept", ERROR, "the disk refused a note on a callback that may kill its interpreter"),
        ("serve.odd_secret", WARN, "a secret has something around it that was hardly meant"),
        ("serve.reload", INFO, "SIGHUP: secrets are read again"),
        ("serve.reload_refused", ERROR, "secrets could not be read; the old ones stay"),
        ("serve.reloaded", INFO, "a process works with the secrets that were read again"),
        ("serve.service_links_ignored", INFO, "variables that Kubernetes or Docker set for a service of this name"),
        ("serve.started", INFO, "all processes are started"),
        (
            "serve.state_unknown",
            WARN,
            "a process could not ask the journal how it stands, and counts as down until it can",
        ),
        ("serve.stopped", INFO, "the service has ended"),
        ("serve.stopping", INFO, "the service ends; nothing new is taken"),
        ("serve.uncaught", ERROR, "an error that nothing caught, in the supervisor; report it"),
        (
            "serve.waiting",
            WARN,
            "another receiver still holds the journal, or its database is away: that is waited for",
        ),
        ("slot.fenced", WARN, "a process ended, since another worker has its slot: what it was at does not count"),
        ("slot.given_up", INFO, "a slot above this worker's share is free for another"),
        ("slot.lost", ERROR, "another worker took a slot over, since this one was silent for too long"),
        ("slot.not_given_up", WARN, "the database did not take that a slot is free; it is when its lease has run out"),
        ("slot.taken", INFO, "this worker interprets and publishes a slot from now on"),
        ("source.silent", WARN, "a source that spoke before has said nothing for `silence_warn_s`"),
        ("traces.bug", ERROR, "following the journal for traces raised an error of ours; report it"),
        ("traces.collector_away", WARN, "the collector did not take what it was sent; it is tried again"),
        ("traces.collector_back", INFO, "the collector takes spans again"),
        ("traces.refused", ERROR, "the journal could not be read for traces; it is tried again"),
    )
}
"""Dotted name → what it means."""


@cache
def found() -> dict[str, Found]:
    """Give every event that the code names, sorted: its level and fields where it is written in place."""
    events: dict[str, Found] = {}
    for path in sorted((ROOT / "receiver").rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        for name, one in _written(tree):
            before = events.get(name, Found(None, ()))
            fields = tuple(dict.fromkeys((*before.fields, *one.fields)))
            events[name] = Found(one.level or before.level, fields)
    return dict(sorted(events.items()))


def _written(tree: ast.Module) -> Iterator[tuple[str, Found]]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in LEVELS
            and node.args
        ):
            fields = tuple(word.arg for word in node.keywords if word.arg not in {None, "exc_info"} and word.arg)
            for name in _names(node.args[0]):
                yield name, Found(LEVELS[node.func.attr], fields)
        elif isinstance(node, ast.Constant | ast.JoinedStr):
            for name in _names(node):
                yield name, Found(None, ())


def _names(node: ast.expr) -> tuple[str, ...]:
    if isinstance(node, ast.JoinedStr) and node.values and isinstance(node.values[0], ast.Constant):
        begin = str(node.values[0].value)
        return tuple(f"{begin}{end}" for end in BUILT.get(begin, ()))
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        name = node.value
        return (name,) if NAME.fullmatch(name) and name not in NO_EVENTS and name not in BUILT else ()
    return ()
