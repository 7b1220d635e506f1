"""The stores of a journal, as the rest of the house needs them; an engine, in a folder of its own, implements them.

A port is what we need, not what a driver offers. Unless said, methods are synchronous, block for at most one fsynced
transaction, and raise ``StoreFailed`` when the disk or database refuses. A store belongs to one thread at a time, and
is given back with ``close``. ``receiver.journal.memory`` is the engine for tests; one suite,
``tests/contract/journal``, runs over all engines.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from receiver.model.callback import EntryId, JournalEntry, RawCallback, VerifiedCallback
from receiver.model.operation import Operation, OperationState
from receiver.model.records import (
    OutboxBatch,
    OutboxRecord,
    Outcome,
    Position,
    Progress,
    Quarantined,
    Reject,
    Request,
)

WAITING_MAX = 1_000_000
"""Callbacks that are counted one by one: nobody needs to know a backlog above it exactly."""
RUNS_LISTED_MAX = 50
"""Runs of replay that are listed; a person looks for the last few."""


@dataclass(frozen=True, slots=True)
class InboxLimits:
    """What the inbox takes before it says no; each is a setting."""

    queue_max: int = 10_000
    """Callbacks waiting for a commit."""
    wal_bytes_max: int = 64 * 1024 * 1024
    """Of a write-ahead log, where the engine has one that it must keep short itself."""
    disk_free_bytes_min: int = 64 * 1024 * 1024
    """Of the disk that the journal is on, where that is this machine's."""


@dataclass(frozen=True, slots=True)
class InboxFigures:
    """How an inbox is, for ``/readyz`` and ``/metrics``; None where the engine cannot know."""

    queued: int
    """Callbacks waiting for a commit."""
    last_committed: int
    """The number of the callback that was committed last; 0 where none was since the start."""
    disk_free_bytes: int | None = None
    wal_bytes: int | None = None
    unsafe_commits: int = 0
    """Commits since the start that the database made and warned of, so that a replica may lack them: told 503."""
    lost_after: int = 0
    """The last number that was acknowledged before another server took over that lacks it; 0 where that never was."""


class Inbox(Protocol):
    """Where verified callbacks are made safe; used by the intake process only."""

    async def append(self, callback: VerifiedCallback) -> int:
        """Commit ``callback`` with an fsync and give its number; raises ``Unavailable`` if it cannot be made safe.

        Callbacks that wait at the same moment share one commit. When it returns, the callback survives any crash;
        when it raises, nothing of it is kept that would not be deduplicated on retry.
        """

    async def purge(self, numbers: Sequence[int]) -> None:
        """Delete callbacks, between two commits; raises ``Unavailable`` with all of them still there."""

    def accepting(self) -> str | None:
        """None while callbacks are taken, else why not, in a word: ``stopping``, ``disk_full``, ``queue_full``.

        Callbacks go on being tried after a commit that failed, since each commit is its own truth.
        """

    def trouble(self) -> str | None:
        """None where callbacks are taken and the last commit succeeded, else what is wrong, in the engine's words."""

    def figures(self) -> InboxFigures:
        """How it is at this moment; asks neither disk nor database."""

    def close(self) -> None:
        """Take nothing more, commit what waits, and let go; blocks until that is done."""


class InboxReader(Protocol):
    """The inbox in order, for the interpreter and the command line.

    Numbers *become visible in order*: whoever has seen a number sees every lower one too, but for those that were
    purged. So a reader may go on after the highest number that it has seen, and misses nothing. An engine with several
    writers must see to that, since the one that took the lower number may commit later.
    """

    def read(self, after: int, limit: int) -> Sequence[JournalEntry]:
        """Entries with a number above ``after``, ascending, without a gap that is filled later.

        At most ``limit``, and fewer where they are large: readers read in short steps. None means that there are none.
        """

    def entry(self, number: int) -> JournalEntry | None:
        """One entry; None where it was purged or never was."""

    def bodies_below(self, number: int, limit: int) -> Sequence[tuple[int, str, bytes]]:
        """(number, source, body) of the ``limit`` callbacks before ``number``, descending; fewer where they are large.

        None means that there are none.
        """

    def last_number(self) -> int:
        """The highest number given so far, also where its callback was purged; 0 in a new inbox."""

    def waiting(self, after: int) -> int:
        """How many callbacks have a number above ``after``, counted up to ``WAITING_MAX``; numbers may have gaps."""

    def ages(self, after: int, limit: int) -> Sequence[tuple[int, int]]:
        """(number, time of receipt in Unix microseconds) of up to ``limit`` callbacks above ``after``, ascending."""

    def next_between(self, after: int, since_us: int, until_us: int) -> int | None:
        """The lowest number above ``after`` whose callback was received from ``since_us`` to before ``until_us``.

        Unix microseconds; None where there is none. May look at every callback above ``after``, and at none of their
        bodies: times grow with numbers only as far as clocks are never set back and nothing is imported.
        """

    def close(self) -> None:
        """Give it back."""


class Requests(Protocol):
    """What did not come by webhook, in order. Several processes may write here; nobody waits for inbox or outbox."""

    def add(self, request_type: str, made_at_us: int, payload: Mapping[str, Any]) -> int:
        """Commit one request with an fsync and give its number; raises ``TypeError`` where the payload is no JSON."""

    def read(self, after: int, limit: int) -> Sequence[Request]:
        """Up to ``limit`` requests with a number above ``after``, ascending; they become visible in order, too."""

    def last_number(self) -> int:
        """The highest number given so far; 0 in a new store."""

    def close(self) -> None:
        """Give it back."""


class Outbox(Protocol):
    """What callbacks were understood to mean. The interpreter writes it; publishing keeps its copy of a position."""

    def progress(self, store: str) -> Progress:
        """How far ``inbox`` or ``requests`` has been interpreted."""

    def last_number(self) -> int:
        """The highest record number given so far, also where the record was purged; 0 in a new outbox."""

    def operations(self, keys: Collection[str]) -> dict[str, Operation]:
        """The operations among ``keys`` that are known."""

    def commit(self, batch: OutboxBatch) -> None:
        """Commit the whole batch with an fsync, or nothing of it.

        Raises ``StoreFailed`` too where the outbox does not stand at ``batch.follows`` any more, and where one of the
        batch's numbers was given before. Of an outcome's operation only one that is known, by then, is kept.
        """

    def replace(self, record: OutboxRecord) -> None:
        """Put ``record`` in the place of the one with its number, which Kafka refuses; its callback is quarantined."""

    def read(self, after: int, limit: int) -> Sequence[OutboxRecord]:
        """Records with a number above ``after``, ascending: at most ``limit``, and fewer where they are large."""

    def quarantined(self, ids: Collection[EntryId]) -> dict[EntryId, Quarantined]:
        """Those entries among ``ids`` that are or were in quarantine."""

    def in_quarantine_between(self, first: int, last: int) -> set[int]:
        """The inbox numbers of callbacks that nobody could read until now, from ``first`` to ``last``, both included.

        Those that a person has closed are among them.
        """

    def record_id(self, number: int) -> str | None:
        """The id of record ``number``, None where the outbox has no such record."""

    def request_of(self, number: int) -> int | None:
        """The number of the request whose answer became the event ``number``; None for any other record."""

    def outcomes_between(self, first: int, last: int) -> dict[int, Outcome]:
        """Inbox number → what became of the callback, from ``first`` to ``last``, both included, where it is known."""

    def duplicates(self, after: int, limit: int) -> Sequence[int]:
        """Inbox numbers above ``after`` of up to ``limit`` callbacks that say what another callback said, ascending.

        What an answer of an API said before is none of them: no other callback holds it. Some may be purged already.
        """

    def next_record_us(self, after: int) -> int | None:
        """Time of receipt, Unix microseconds, of the first record above ``after``; None where there is none."""

    def last_heard(self) -> dict[str, int]:
        """Source → time of receipt of its newest callback, Unix microseconds; it never goes back."""

    def remembered(self, cluster_id: str) -> Position | None:
        """The local copy of the position last confirmed by this Kafka cluster."""

    def latest_remembered(self) -> tuple[str, Position] | None:
        """The local copy confirmed last, with its cluster id, whatever the cluster."""

    def remember(self, cluster_id: str, position: Position) -> None:
        """Keep the local copy; called after Kafka committed, never before."""

    def topic_partitions(self, cluster_id: str) -> dict[str, int]:
        """Topic → the number of partitions that its keys are spread over in this Kafka cluster, where it is known."""

    def note_topic_partitions(self, cluster_id: str, partitions: Mapping[str, int]) -> None:
        """Keep such numbers, in the place of those noted before; other topics stay as they are.

        Also called beside a running service, by a person's command.
        """

    def settled(self, numbers: Collection[int]) -> set[int]:
        """Those callbacks among ``numbers`` that are interpreted, published, and not in quarantine.

        One that is interpreted and whose outcome was purged is settled; while nothing is published, none is.
        """

    def purge(self, records_before: str | None, contents_before: str | None, limit: int) -> int:
        """Delete up to ``limit`` published events and as many contents older than RFC 3339 times; gives how many.

        The last published record stays, since Kafka's position names it, and so does what is in quarantine. Contents go
        by the UTC day of their callback's receipt; the states of operations stay for ever, and with them the marks of
        those contents (``model.forgotten``). A content whose event Kafka refused stays too.
        """

    def close(self) -> None:
        """Give it back."""


class TakeOver(Protocol):
    """An outbox that is changed by hand, beside a running service, which notices that it moved."""

    def take_over(
        self,
        keep_to: int,
        records: Sequence[OutboxRecord],
        *,
        key_of: Callable[[OutboxRecord], str],
        fold: Callable[[Iterable[OutboxRecord]], OperationState],
        entry_at: Callable[[int], JournalEntry | None],
    ) -> int:
        """Undo our records above ``keep_to``, put ``records`` in their place, mend the operations; one transaction.

        An operation's new state is what ``fold`` makes of its events, in order, those that are left and those that were
        taken; without any it is unknown again. ``entry_at`` gives the callback whose digest is kept with the progress.
        Gives the inbox number after which callbacks will be interpreted again. Whatever fails, nothing has changed.
        """

    def remember(self, cluster_id: str, position: Position) -> None:
        """Take ``position`` for what this cluster last confirmed."""

    def close(self) -> None:
        """Give it back."""


class Rejects(Protocol):
    """A sample of the callbacks that failed verification, whole. No store of the journal: it may be lost."""

    def add(self, raw: RawCallback, why: str, kept_max: int, near: int = 0) -> None:
        """Keep one, and at most ``kept_max`` of all; ``near`` is more for one that looks more like a genuine one.

        Each source and reason keeps as many as any other one that has more to keep. Of each, those that are nearest
        stay, among these some of each hour of receipt, and among these the newest.
        """

    def forget_before(self, before_us: int) -> int:
        """Forget what was received before a time, Unix microseconds; gives how many."""

    def newest(self, limit: int) -> Sequence[Reject]:
        """The newest ones first."""

    def get(self, number: int) -> Reject | None:
        """One of them; None where it was forgotten or never was."""

    def close(self) -> None:
        """Give it back."""


class Marks(Protocol):
    """What outlives an interpreting process that is killed by what it interprets. Not for the death of a machine."""

    def set(self, first: int, last: int) -> None:
        """Callbacks ``first`` to ``last`` are being interpreted; 0, 0: none are."""

    def read(self) -> tuple[int, int]:
        """What was being interpreted last; (0, 0) for nothing."""

    def lessons(self) -> Mapping[str, Any]:
        """The JSON document that ``keep_lessons`` kept; empty where there is none that can be read."""

    def keep_lessons(self, document: Mapping[str, Any]) -> None:
        """Keep what a death taught, whole or not at all."""

    def close(self) -> None:
        """Give it back."""


class Runs(Protocol):
    """How far each run of replay came, so that an interrupted one can go on."""

    def save(self, run_id: str, document: Mapping[str, Any]) -> None:
        """Keep a run's state, whole or not at all."""

    def load(self, run_id: str) -> dict[str, Any]:
        """Read it; raises ``ReceiverError`` where there is no such run."""

    def listed(self) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """(run, state) of up to ``RUNS_LISTED_MAX`` runs, the newest first."""
