"""What reconcile remembers, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from receiver.journal.memory.requests import MemoryRequests
from receiver.journal.watchlist import NEVER_US, Watched, WatchUpdate
from receiver.model.callback import Resource


@dataclass(frozen=True, slots=True)
class _Row:
    watched: Watched
    digest: bytes = b""


class MemoryWatchlist:
    """``watchlist.Watchlist``."""

    def __init__(self, requests: MemoryRequests) -> None:
        self._requests = requests
        self._rows: dict[tuple[str, str], _Row] = {}
        self._read_to: dict[tuple[str, str], int] = {}
        self._nonces: dict[str, int] = {}

    def outbox_read_to(self) -> int:
        """The outbox number up to which records were looked at."""
        return self._read_to.get(("", "outbox"), 0)

    def apply(self, updates: Sequence[WatchUpdate], up_to: int) -> None:
        """Take what was found."""
        for update in updates:
            if update.due_us is None:
                self._rows.pop((update.source, update.operation_id), None)
            else:
                self._open(update.source, update.operation_id, update.at_us, update.due_us, reopen=update.reopen)
        self._read_to["", "outbox"] = up_to

    def _open(self, source: str, operation_id: str, at_us: int, due_us: int, *, reopen: bool) -> None:
        row = self._rows.get((source, operation_id))
        if row is None:
            self._rows[source, operation_id] = _Row(Watched(source, operation_id, at_us, due_us))
        elif row.watched.state != "closed" or reopen:
            due_us = min(due_us, row.watched.due_us)
            self._rows[source, operation_id] = replace(row, watched=replace(row.watched, state="open", due_us=due_us))

    def stop(self, watched: Sequence[tuple[str, str]]) -> None:
        """Ask for these no more, for an erasure."""
        for place in watched:
            if place in self._rows:
                about = replace(self._rows[place].watched, state="closed", due_us=NEVER_US, why="")
                self._rows[place] = _Row(about)

    def track(self, source: str, operation_id: str, now_us: int) -> None:
        """Watch an operation, and ask at once."""
        self.make_due(source, [operation_id], now_us)

    def due(self, source: str, now_us: int, limit: int) -> list[Watched]:
        """Open operations that are due."""
        found = [one for one in self._open_ones(source) if one.due_us <= now_us]
        return sorted(found, key=lambda one: (one.failures, one.due_us))[:limit]

    def _open_ones(self, source: str) -> list[Watched]:
        watched = (row.watched for row in self._rows.values())
        return [one for one in watched if (one.source, one.state) == (source, "open")]

    def open_ids(self, source: str) -> set[str]:
        """All open operations of a source."""
        return {one.operation_id for one in self._open_ones(source)}

    def answered(self, source: str, resource: Resource, *, now_us: int, due_us: int, after: int) -> bool:
        """Keep an answer, unless it says what the last one said."""
        place = source, resource.operation_id
        row = self._rows.get(place, _Row(Watched(*place, now_us, due_us)))
        is_news = row.digest != resource.digest
        if is_news:
            payload = {"source": source, "operation": resource.operation_id, "after": after}
            self._requests.add("poll", now_us, {**payload, "body": resource.text.decode()})
        state, due = ("closed", NEVER_US) if resource.terminal else ("open", due_us)
        watched = replace(row.watched, due_us=due, state=state, asked_us=now_us, failures=0, why="")
        self._rows[place] = _Row(watched, resource.digest)
        return is_news

    def failed(self, one: Watched, why: str, due_us: int, *, give_up: bool) -> None:
        """Note that there was no usable answer."""
        row = self._rows.get((one.source, one.operation_id))
        if row is not None:
            state = "given_up" if give_up else "open"
            failures = row.watched.failures + 1
            watched = replace(row.watched, due_us=due_us, state=state, failures=failures, why=why)
            self._rows[one.source, one.operation_id] = replace(row, watched=watched)

    def discover(self, source: str, operation_ids: Sequence[str], now_us: int) -> int:
        """Watch those that are not known yet."""
        new = [one for one in dict.fromkeys(operation_ids) if (source, one) not in self._rows]
        for operation_id in new:
            self._rows[source, operation_id] = _Row(Watched(source, operation_id, now_us, now_us))
        return len(new)

    def make_due(self, source: str, operation_ids: Sequence[str], now_us: int) -> None:
        """Ask for these at once."""
        for operation_id in operation_ids:
            self._open(source, operation_id, now_us, now_us, reopen=True)

    def scanned_us(self, source: str, scan: str) -> int:
        """When a scan was last begun that was read whole."""
        return self._read_to.get((source, scan), 0)

    def scanned(self, source: str, scan: str, at_us: int) -> None:
        """Note that a scan was read whole."""
        self._read_to[source, scan] = at_us

    def next_nonce(self, key: str, now_ms: int) -> int:
        """The next nonce of an API key."""
        self._nonces[key] = max(now_ms, self._nonces.get(key, 0) + 1)
        return self._nonces[key]

    def counts(self, source: str, overdue_before_us: int) -> tuple[int, int]:
        """(open, overdue)."""
        found = self._open_ones(source)
        return len(found), sum(one.since_us < overdue_before_us for one in found)

    def listed(self, limit: int) -> list[Watched]:
        """Those that are not closed, the oldest first."""
        watched = [row.watched for row in self._rows.values() if row.watched.state != "closed"]
        return sorted(watched, key=lambda one: one.since_us)[:limit]

    def forget_closed(self, before_us: int) -> None:
        """Forget operations that were over before a time."""
        self._rows = {
            place: row
            for place, row in self._rows.items()
            if row.watched.state == "open" or max(row.watched.asked_us, row.watched.since_us) >= before_us
        }

    def old_answers(self, before_us: int, interpreted: int, limit: int) -> list[int]:
        """Request numbers of answers from before a time."""
        polls = (request for request in self._requests.requests if request.request_type == "poll")
        return [one.number for one in polls if one.made_at_us < before_us and one.number <= interpreted][:limit]

    def purge_answers(self, numbers: Sequence[int]) -> None:
        """Delete these answers."""
        self._requests.purge(numbers)

    def close(self) -> None:
        """It goes on for whoever else has it."""
