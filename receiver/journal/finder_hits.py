"""What was found so far, for one question: each thing once, with the part of it that matched."""

from __future__ import annotations

from receiver.journal.entries import Stores
from receiver.journal.index import HITS_MAX, By, Found, Hit, Indexed, What
from receiver.journal.search import Search
from receiver.journal.terms import Query, key_of, record_values
from receiver.model.callback import EntryId
from receiver.model.records import OutboxRecord, Reject
from receiver.model.times import from_us


class Hits:
    """Collects hits; the newest are to be added first."""

    def __init__(self, stores: Stores, search: Search, query: Query) -> None:
        self._stores = stores
        self._search = search
        self.query = query
        self.whole = False
        """Whether something was found by a whole value, so that nobody means a part."""
        self._found: dict[tuple[What, str], Hit] = {}

    def add_entry(self, entry_id: EntryId) -> None:
        """What has this number: a callback or an answer, its standing, and a record."""
        entry = self._stores.entry(entry_id)
        if entry is not None:
            at = from_us(entry.callback.received_at_us)
            operation = self._operation_of(entry_id)
            self._add(Hit("callback", str(entry_id), "number", entry.callback.source, at, operation))
        standing = self._stores.outbox.quarantined([entry_id]).get(entry_id)
        if standing is not None:
            found = Hit("quarantine", str(entry_id), "number", standing.source, standing.received_at)
            self._add(_with(found, status=standing.state, record=standing.record))
        record = self._search.record(entry_id.number) if entry_id.store == "inbox" else None
        if record is not None and record.record_type == "event":
            self._add_event(record, "number")

    def _operation_of(self, entry_id: EntryId) -> str | None:
        if entry_id.store != "inbox":
            return None
        outcome = self._stores.outbox.outcomes_between(entry_id.number, entry_id.number).get(entry_id.number)
        return None if outcome is None else outcome.operation

    def add_key(self, key: str) -> None:
        """The operation with this key."""
        for found in self._search.operations_by_key([key]):
            numbers = self._search.records_of(found.number)
            record = self._search.record(numbers[-1]) if numbers else None
            self.whole = True
            if record is None:  # what it became is purged
                self._add(Hit("operation", found.key, "operation", "", "", found.key))
            else:
                self._add_operation(record, "operation")

    def add_record(self, record: OutboxRecord) -> None:
        """A record that may have the word; one that has it no more is passed over."""
        if record.record_type == "quarantine":
            self._add_standing(record)
            return
        matched = [(by, self.query.matches(by, value)) for by, value in record_values(record)]
        whole = [by for by, match in matched if match]
        if whole:
            self.whole = True
        elif not any(match is None for _, match in matched):
            return
        by: By = whole[0] if whole else "part"
        self._add_operation(record, by)
        if any(match is not False and by != "operation" for by, match in matched):
            self._add_event(record, by)

    def _add_standing(self, record: OutboxRecord) -> None:
        try:
            entry_id = EntryId.parse(record.record_id)
        except ValueError:
            return
        standing = self._stores.outbox.quarantined([entry_id]).get(entry_id)
        entry = self._stores.entry(entry_id)
        if standing is not None and entry is not None and self.query.in_body(entry.callback.body):
            found = Hit("quarantine", str(entry_id), "body", standing.source, standing.received_at)
            self._add(_with(found, status=standing.state, record=standing.record))

    def add_reject(self, reject: Reject | None, by: By) -> None:
        """A refused callback."""
        if reject is not None:
            at = from_us(reject.raw.received_at_us)
            self._add(Hit("reject", str(reject.number), by, reject.raw.source, at, status=reject.why))

    def _add_operation(self, record: OutboxRecord, by: By) -> None:
        if record.record_type == "event":
            self._add(_of_record("operation", key_of(record), by, record))

    def _add_event(self, record: OutboxRecord, by: By) -> None:
        if record.record_type == "event":
            self._add(_of_record("event", record.record_id, by, record))

    def _add(self, hit: Hit) -> None:
        self._found.setdefault((hit.what, hit.name), hit)

    def found(self, indexed: Indexed, *, cut_off: bool) -> Found:
        """All of it."""
        kinds: dict[What, list[Hit]] = {"operation": [], "event": [], "callback": [], "quarantine": [], "reject": []}
        for hit in self._found.values():
            kinds[hit.what].append(hit)
        return Found(
            kinds["operation"][:HITS_MAX],
            kinds["event"][:HITS_MAX],
            kinds["callback"][:HITS_MAX],
            kinds["quarantine"][:HITS_MAX],
            kinds["reject"][:HITS_MAX],
            cut_off or any(len(hits) > HITS_MAX for hits in kinds.values()),
            indexed,
        )


def _of_record(what: What, name: str, by: By, record: OutboxRecord) -> Hit:
    return Hit(what, name, by, record.source, record.received_at, key_of(record), record.status, record.number)


def _with(hit: Hit, *, status: str, record: int | None) -> Hit:
    return Hit(hit.what, hit.name, hit.by, hit.source, hit.received_at, hit.operation, status, record)
