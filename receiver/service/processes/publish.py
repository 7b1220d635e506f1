"""The publish process, wired: the relay from the outbox to Kafka, where Kafka is configured.

Apart from the process that interprets: measured, the two under one interpreter lock are a third slower than apart. It
writes to the outbox only now and then: its copy of Kafka's position, and what it puts in the place of a record that
Kafka refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from receiver.journal.backlog import BacklogAge
from receiver.journal.entries import find_entry
from receiver.journal.handle import Journal
from receiver.journal.slots import first_record
from receiver.model.callback import EntryId, JournalEntry
from receiver.model.log import Log
from receiver.model.records import OutboxRecord
from receiver.providers.contract import Sources
from receiver.publish.metrics import PublishMetrics
from receiver.publish.ports import Kafka
from receiver.publish.refused import refused
from receiver.publish.relay import Relay
from receiver.publish.routing import position_id
from receiver.publish.spread import Change, RememberedSpread
from receiver.service import metrics
from receiver.service.config.settings import Settings
from receiver.service.kafka import need_kafka
from receiver.service.own_secrets import sources_for
from receiver.service.process import ProcessContext
from receiver.service.system_clock import SystemClock


def make(context: ProcessContext) -> PublishProcess:
    """Make it; raises ``ConfigurationError``, also where there is no Kafka, ``JournalError``, ``StoreFailed``."""
    kafka = need_kafka(context.settings, context.environ)
    sources = sources_for(context.settings, context.environ, "publish")
    return PublishProcess(context.settings, kafka, sources, context.journal, context.log)


class PublishProcess:
    """The relay, and what stands for a record that Kafka refuses."""

    def __init__(self, settings: Settings, kafka: Kafka, sources: Sources, journal: Journal, log: Log) -> None:
        self._settings = settings
        self._sources = sources
        self._metrics = PublishMetrics()
        self._inbox, self._requests = journal.inbox(), journal.requests()
        self._outbox, self._status_outbox = journal.outbox(write=True), journal.outbox()
        self._age = BacklogAge(settings.journal.backlog_warn_s, SystemClock(), log, "publish.backlog")
        self._kafka = kafka
        self._held = journal.held
        self._slots = journal.slots() if journal.held is not None else None
        slot = journal.held.slot if journal.held is not None else 0
        published_as, self._first = position_id(journal.journal_id, slot), first_record(slot)
        self._spread = RememberedSpread(self._outbox, log)
        self._relay = Relay(
            outbox=self._outbox,
            # Of the cluster as it is configured by then: passwords and certificates are renewed beside a session.
            make_publisher=lambda: self._kafka.publisher(published_as, self._spread),
            route=partial(kafka.route, journal_id=journal.journal_id),
            refused=self._refused,
            topics=kafka.event_topics,
            transaction_timeout_s=kafka.transaction_timeout_s,
            clock=SystemClock(),
            log=log,
            metrics=self._metrics,
            still_ours=self._still_ours,
            first=self._first,
        )
        self.wake: Callable[[], None] = self._relay.wake
        """The outbox has something new."""
        self.stop: Callable[[], None] = self._relay.stop
        """End after the transaction under way."""

    async def run(self) -> None:
        """Publish until ``stop``; raises ``Fenced`` when another worker has the slot."""
        await self._relay.run()
        if self._slots is not None:
            self._slots.close()
        self._outbox.close()
        self._status_outbox.close()
        self._requests.close()
        self._inbox.close()

    def _still_ours(self) -> bool:
        if self._slots is None or self._held is None:  # the whole journal is locked
            return True
        epochs = {state.slot: state.epoch for state in self._slots.states()}
        return epochs.get(self._held.slot) == self._held.epoch

    def reload(self, environ: Mapping[str, str]) -> None:
        """Read the secrets again, Kafka's too; raises ``ConfigurationError`` and keeps the old ones."""
        self._sources, self._kafka = (
            sources_for(self._settings, environ, "publish"),
            need_kafka(self._settings, environ),
        )
        self._relay.renew()

    def status(self) -> dict[str, Any]:
        """Kafka's part of ``/readyz``."""
        state = self._relay.state
        published = max(state.position.number, self._first)
        self._age.measure(lambda: self._status_outbox.next_record_us(published))
        return {
            "state": state.word,
            "backlog": max(0, self._status_outbox.last_number() - published),
            "detail": "; ".join(filter(None, (state.detail, *map(str, self._changed_apart(state.detail))))) or None,
            "position": published,
            "backlog_age_s": round(self._age.seconds, 1),
        }

    def _changed_apart(self, detail: str) -> list[Change]:
        # Records can go through all the same; where they do not, the relay has said so already.
        return [change for change in self._spread.changed if str(change) not in detail]

    def metrics(self) -> bytes:
        """The publish process's metrics."""
        report = self.status()
        self._metrics.backlog.set(report["backlog"])
        self._metrics.backlog_age.set(self._age.seconds)
        self._metrics.partitions_changed(self._spread.changed)
        self._metrics.kafka_up.set(report["state"] == "up")
        return metrics.render(self._metrics.registry)

    def _refused(self, record: OutboxRecord, why: str) -> OutboxRecord:
        found = self._sources.get(record.source)
        return refused(record, self._entry_of(record), why, found[0].shown_headers if found else frozenset())

    def _entry_of(self, record: OutboxRecord) -> JournalEntry | None:
        if record.callback is not None:
            return self._inbox.entry(record.callback)
        request = self._status_outbox.request_of(record.number)
        return None if request is None else find_entry(self._inbox, self._requests, EntryId("requests", request))
