"""The inbox in parts: made ahead, dropped as a whole, and never in the way of a callback or a reader."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace

import pytest

from receiver.journal.parts import LetGo
from receiver.journal.ports import InboxLimits
from receiver.journal.postgres import parts as parts_module
from receiver.journal.postgres import schema, statements
from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.inbox import SQL as INBOX_SQL
from receiver.journal.postgres.journal import PostgresJournal, find_journal
from receiver.journal.postgres.outbox import PostgresOutbox
from receiver.journal.postgres.parts import LENGTH_MIN, PLACES, PostgresParts
from receiver.journal.postgres.sharing import PostgresCrew
from receiver.journal.retention import InboxRetention
from receiver.journal.slots import HeldSlot, first_record
from receiver.model.callback import VerifiedCallback
from receiver.model.errors import JournalError, StoreFailed
from receiver.model.records import Position
from receiver.model.times import DAY_US
from receiver.sandbox.fakes import FakeClock
from tests.postgres_cluster import cluster
from tests.support import Lines

OF_PARTS = "of_parts_tests"
NOW_US = 1_790_000_000_000_000
FIRST, SECOND, PAST = 1024, 102_400, 204_800
ROUNDS_MAX = 50
"""Of retention, each of which gives up where callbacks that come hold it up for a tenth of a second."""
"""Two parts of numbers that were given long ago, as those of two days."""


@pytest.fixture
def bare() -> Iterator[Address]:
    """A schema of its own, which is not there: parts would stay for the next test."""
    found = Address.of(cluster())
    address = found.with_options(replace(found.options, schema=OF_PARTS, commit_timeout_s=20))
    yield address
    with closing(Database(address, "test")) as database:
        database.execute(f"DROP SCHEMA IF EXISTS {OF_PARTS} CASCADE; DROP ROLE IF EXISTS runs_parts")


@pytest.fixture
def made(bare: Address) -> Address:
    """A new journal in it."""
    schema.init(bare)
    return bare


@pytest.fixture
def database(made: Address) -> Iterator[Database]:
    """To look and to change by hand."""
    with closing(Database(made, "test")) as found:
        yield found


@pytest.fixture
def parts(made: Address) -> Iterator[PostgresParts]:
    """The parts of a new journal."""
    with closing(PostgresParts(made)) as found:
        yield found


@pytest.fixture
def aged(database: Database) -> None:
    """The parts of two days, which are over."""
    for first, past in ((FIRST, SECOND), (SECOND, PAST)):
        database.rows("SELECT add_part($1, $2, $1)", first, past)


def put(database: Database, number: int, at_us: int, outcome: str | None = "duplicate", slot: int = 0) -> int:
    """A callback with a number of our choice, and what became of it."""
    database.rows("INSERT INTO callbacks VALUES ($1, $2, 's', $3, '', 'x')", slot, number, at_us)
    if outcome is not None:
        sql = "INSERT INTO outcomes VALUES ('inbox', $1, $2, $3, $4, NULL)"
        database.rows(sql, number, slot, outcome, first_record(slot) + 1)
    return number


def published(address: Address, database: Database, inbox_to: int, slot: int = 0) -> None:
    """A slot has read everything up to a number, and its first record is on Kafka."""
    database.rows("UPDATE slots SET inbox_to = $2 WHERE slot = $1", slot, inbox_to)
    with closing(PostgresOutbox(address, held=HeldSlot(slot, 0))) as outbox:
        outbox.remember("cluster", Position(first_record(slot) + 1, "x"))


def bounds(database: Database) -> list[tuple[int, int]]:
    """Of the parts that are in the inbox."""
    return [
        (row[0], row[1]) for row in database.rows("SELECT first, past FROM parts WHERE NOT detached ORDER BY first")
    ]


def where(database: Database, number: int) -> str:
    """Which table holds a callback."""
    return str(database.one("SELECT tableoid::regclass::text FROM callbacks WHERE number = $1", number))


def test_a_new_journal_has_the_part_of_today_and_the_next_one(database: Database, parts: PostgresParts) -> None:
    """Nothing more is made until numbers come near the end; each number has one place, and they ascend."""
    (first, end), (second, past) = bounds(database)
    assert (end - first, past - second, second) == (LENGTH_MIN, LENGTH_MIN, end)
    assert parts.make_ahead(30) == 0
    database.rows("UPDATE journal SET era = era + $1", LENGTH_MIN // PLACES)
    assert parts.make_ahead(30) == 1
    assert bounds(database)[-1] == (past, past + LENGTH_MIN)
    assert where(database, put(database, first, 1)) == f"callbacks_{first}"
    assert where(database, put(database, end - 1, 1)) == f"callbacks_{first}"
    assert where(database, put(database, end, 1)) == f"callbacks_{second}"


def test_a_part_holds_the_time_that_it_should(database: Database, parts: PostgresParts) -> None:
    """As fast as numbers were given lately: of 400 days thirteen in one part."""
    database.rows("UPDATE parts SET made_at = made_at - make_interval(hours => 1), made_when = made_when - $1", 2**36)
    assert parts.make_ahead(400) > 0
    first, end = bounds(database)[-1]
    assert 0.9 < (end - first) / (2**36 * 24 * 13) <= 1


def test_numbers_that_passed_all_parts_are_kept_and_the_next_part_begins_above_them(
    database: Database, parts: PostgresParts
) -> None:
    """As after an era has begun, or where nobody made parts for long: no callback is ever refused."""
    database.rows("UPDATE journal SET era = era + $1", 4 * LENGTH_MIN // PLACES)
    now = int(database.one("SELECT (era + pg_snapshot_xmax(pg_current_snapshot())::text::bigint) * 1024 FROM journal"))
    number = int(database.one(INBOX_SQL["append"], ["s"], [5], [b""], [b"x"], [0], now // PLACES - _xid(database)))
    assert where(database, number) == "callbacks_rest"
    assert _in_no_part(database) == (1, 1)
    assert parts.make_ahead(30) == 2
    assert bounds(database)[-2][0] > number
    assert _in_no_part(database) == (0, 0)


def _in_no_part(database: Database) -> tuple[int, int]:
    # As a service counts them, and as a person is told.
    with closing(PostgresCrew(database.address)) as crew:
        return crew.in_no_part(), int(find_journal(database.address).stats()["callbacks_after_parts"])


def _era(database: Database) -> int:
    return int(database.one("SELECT era FROM journal"))


def _xid(database: Database) -> int:
    return int(database.one("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"))


def test_parts_are_never_made_without_end(
    database: Database, parts: PostgresParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the number says: what comes then is in no part."""
    monkeypatch.setattr(parts_module, "PARTS_MAX", 3)
    database.rows("UPDATE journal SET era = era + $1", 2 * LENGTH_MIN // PLACES)
    assert [parts.make_ahead(30), parts.make_ahead(30)] == [1, 0]


@pytest.mark.usefixtures("aged")
def test_a_part_goes_as_a_whole_once_all_in_it_is_due(made: Address, database: Database, parts: PostgresParts) -> None:
    """What nobody could read yet, what is not published and what is not interpreted stays, under its number."""
    old = [put(database, FIRST + place, NOW_US - 9 * DAY_US) for place in range(5)]
    open_one = put(database, FIRST + 5, NOW_US - 9 * DAY_US, "quarantine")
    unpublished = put(database, FIRST + 6, NOW_US - 9 * DAY_US)
    database.rows("UPDATE outcomes SET record = 2 WHERE number = $1", unpublished)
    newer = put(database, SECOND, NOW_US - 2 * DAY_US)
    published(made, database, newer)
    assert parts.let_go(NOW_US - 10 * DAY_US) == LetGo()
    assert parts.whole(30, NOW_US - 9 * DAY_US)
    assert parts.let_go(NOW_US - 3 * DAY_US) == LetGo(parts=1, callbacks=5, set_aside=2)
    left = [row[0] for row in database.rows("SELECT number FROM callbacks ORDER BY number")]
    assert left == [open_one, unpublished, newer]
    assert where(database, open_one) == "callbacks_rest"
    assert database.one("SELECT to_regclass($1)", f"callbacks_{FIRST}") is None
    assert database.one("SELECT callbacks_last FROM slots") == unpublished > old[-1]
    journal = find_journal(made)
    with closing(journal.inbox()) as reader:
        assert [entry.number for entry in reader.read(0, 10)] == left
        assert reader.entry(open_one) is not None
        assert reader.entry(old[0]) is None
        assert reader.last_number() == newer
    assert journal.check() == [f"callback {open_one} became record 1, which is not there"], "the test made none"


@pytest.mark.usefixtures("aged")
async def test_what_goes_as_a_whole_is_not_deleted_one_by_one(
    made: Address, database: Database, parts: PostgresParts
) -> None:
    """Not even what is due already; what is in no part goes on its day."""
    clock, log = FakeClock(), Lines()
    due_us = clock.us - 30 * DAY_US
    young = [put(database, SECOND + week, due_us + (1 + 6 * week) * DAY_US, None) for week in range(5)]
    kept = [put(database, FIRST, due_us - 2, None), put(database, SECOND - 1, due_us + 2, None)]
    loose = put(database, FIRST - 1, due_us - 3, None)
    newest = put(database, PAST + 1, clock.us, None)
    published(made, database, newest)
    journal = find_journal(made)
    inbox, reader, outbox = journal.inbox_writer(InboxLimits()), journal.inbox(), journal.outbox()
    old = InboxRetention(entries=reader, outbox=outbox, inbox=inbox, clock=clock, days=30, log=log, parts=parts)
    try:
        assert await old.round() == 1
        assert [entry.number for entry in reader.read(0, 10)] == [*kept, *young, newest]
        clock.us += 3
        assert await old.round() == len(kept)
        assert [entry.number for entry in reader.read(0, 10)] == [*young, newest]
    finally:
        await asyncio.to_thread(inbox.close)
        reader.close()
        outbox.close()
    assert log.named("inbox.purged") == [{"callbacks": 1, "older_than_days": 30}]
    assert log.named("inbox.parts_dropped") == [{"parts": 1, "callbacks": 2, "set_aside": 0}]
    assert loose not in kept


@pytest.mark.usefixtures("aged")
def test_what_another_slot_has_not_done_stays_too(made: Address, database: Database, parts: PostgresParts) -> None:
    """A part holds the callbacks of all slots, and each is as far as it is."""
    schema.init(made, slots=2)
    mine = put(database, FIRST, NOW_US - 9 * DAY_US)
    theirs = put(database, FIRST + 1, NOW_US - 9 * DAY_US, None, slot=1)
    published(made, database, mine)
    assert parts.let_go(NOW_US) == LetGo(parts=2, callbacks=1, set_aside=1), "an empty one goes too"
    with closing(find_journal(made).inbox()) as reader:
        assert [entry.number for entry in reader.read(0, 10)] == [theirs]


@pytest.mark.usefixtures("aged")
def test_a_part_in_which_too_much_must_stay_stays_itself(
    made: Address, database: Database, parts: PostgresParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is emptied one callback after the other then; so is one that holds far more time than it should."""
    monkeypatch.setattr(parts_module, "STAYING_MAX", 1)
    for place in range(3):
        put(database, FIRST + place, NOW_US - 9 * DAY_US, "quarantine")
    put(database, SECOND, NOW_US - 9 * DAY_US)
    put(database, SECOND + 1, NOW_US)
    published(made, database, PAST)
    assert "not settled" in parts.let_go(NOW_US - 8 * DAY_US).held_up
    ahead = [first for first, _ in bounds(database)[2:]]
    assert [part.first for part in parts.whole(30, NOW_US - 7 * DAY_US)] == ahead
    assert [part.first for part in parts.whole(400, NOW_US - 9 * DAY_US)] == [FIRST, SECOND, *ahead]


@pytest.mark.usefixtures("aged")
def test_an_open_reader_holds_up_the_drop_and_nobody_else(
    made: Address, database: Database, parts: PostgresParts
) -> None:
    """Whoever waits for its lock gives up soon, callbacks are answered meanwhile, and a next round drops it."""
    put(database, FIRST, NOW_US - 9 * DAY_US)
    published(made, database, SECOND)
    journal = find_journal(made)
    with ExitStack() as stack:
        reading = stack.enter_context(closing(Database(made, "reader")))
        reading.execute("BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0")
        assert reading.one("SELECT count(*) FROM callbacks") == 1
        taken, longest_s, held_up = asyncio.run(_write_during(journal, lambda: parts.let_go(NOW_US).held_up))
        assert "lock timeout" in held_up
        assert taken > 0
        assert longest_s < 10, "nobody waits for the reader, who does not end"
        assert reading.one("SELECT count(*) FROM callbacks") == 1 + taken
        reading.execute("COMMIT")
    for _ in range(ROUNDS_MAX):
        taken, _, held_up = asyncio.run(_write_during(journal, lambda: parts.let_go(NOW_US).held_up))
        assert taken > 0
        if not held_up:
            break
    assert held_up == ""
    assert bounds(database)[0][0] > PAST


async def _write_during(journal: PostgresJournal, work: object) -> tuple[int, float, str]:
    # Callbacks one after the other, for as long as the work takes: how many, the longest answer, what the work said.
    assert callable(work)
    inbox = journal.inbox_writer(InboxLimits())
    try:
        working = asyncio.create_task(asyncio.to_thread(work))
        taken, longest_s = 0, 0.0
        while not working.done() or not taken:
            began_s = time.monotonic()
            await inbox.append(VerifiedCallback("s", NOW_US, (), b"meanwhile"))
            taken, longest_s = taken + 1, max(longest_s, time.monotonic() - began_s)
        return taken, longest_s, str(await working)
    finally:
        await asyncio.to_thread(inbox.close)


@pytest.mark.usefixtures("aged")
def test_a_part_that_is_out_goes_although_its_keeper_died(
    made: Address, database: Database, parts: PostgresParts
) -> None:
    """Between two steps: the next round ends what the last one began."""
    put(database, FIRST, NOW_US - 9 * DAY_US)
    published(made, database, SECOND)
    database.rows("SELECT detach_part($1, '{}')", FIRST)
    database.rows("SELECT detach_part($1, '{}')", FIRST)
    assert database.one("SELECT to_regclass($1)::text", f"callbacks_{FIRST}") is not None
    assert parts.let_go(NOW_US) == LetGo(parts=1)
    assert database.one("SELECT to_regclass($1)", f"callbacks_{FIRST}") is None


def test_a_part_in_which_callbacks_may_still_come_stays(
    made: Address, database: Database, parts: PostgresParts
) -> None:
    """However old what is in it: between the look at it and its drop another could be answered, and lost."""
    first, past = bounds(database)[0]
    now = "UPDATE journal SET era = $1::bigint - pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
    database.rows(now, first // PLACES)
    number = int(database.one(INBOX_SQL["append"], ["s"], [5], [b""], [b"x"], [0], _era(database)))
    assert where(database, number) == f"callbacks_{first}"
    published(made, database, number)
    assert parts.let_go(NOW_US) == LetGo()
    database.rows("UPDATE journal SET era = era + $1", (past - first) // PLACES - 1)
    assert parts.let_go(NOW_US).parts == 1
    assert database.one("SELECT count(*) FROM callbacks") == 0


def test_an_older_journal_brings_its_callbacks_along(bare: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the role that was let in before may do what it needs to; nothing is copied, so it takes no time."""
    before = [(number, script) for number, script in statements.migrations() if number < 3]
    with closing(Database(bare, "test")) as database, monkeypatch.context() as patched:
        database.execute("CREATE ROLE runs_parts LOGIN")
        patched.setattr(schema, "migrations", lambda: iter(before))
        patched.setattr(schema, "FORMAT", 2)
        patched.setattr(schema, "FIRST_WITH_PARTS", 0)
        schema.init(bare, allow="runs_parts")
        append = ("s", NOW_US)
        numbers = [
            int(database.one(INBOX_SQL["append"], [append[0]], [append[1]], [b""], [b"x"], [0], 0)) for _ in range(3)
        ]
        file = database.one("SELECT pg_relation_filenode('callbacks')")
    with pytest.raises(JournalError, match="receiver journal init"):
        find_journal(bare)
    assert schema.init(bare).format_before == 2
    journal = find_journal(replace(bare, url=bare.url.replace("ledger@", "runs_parts@")))
    with closing(journal.inbox()) as reader:
        assert [entry.number for entry in reader.read(0, 10)] == numbers
        assert asyncio.run(_write_during(journal, lambda: ""))[0] == 1
        assert reader.last_number() > numbers[-1]
    with closing(Database(bare, "test")) as database, closing(journal.parts()) as theirs:
        assert where(database, numbers[0]) == "callbacks_before"
        assert database.one("SELECT pg_relation_filenode('callbacks_before')") == file
        published(bare, database, numbers[-1])
        assert theirs.make_ahead(30) == 0
        database.rows("UPDATE journal SET era = era + $1", 1 << 24)
        assert theirs.make_ahead(30) == 2
        assert theirs.let_go(NOW_US + 1).parts == 1
        assert database.one("SELECT count(*) FROM callbacks WHERE number <= $1", numbers[-1]) == 0


def test_a_journal_that_cannot_be_brought_along_goes_on_as_it_was(
    bare: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that stays holds the lock: nobody waits for him for long, nothing is refused, and it can be repeated."""
    before = [(number, script) for number, script in statements.migrations() if number < 3]
    with monkeypatch.context() as patched:
        patched.setattr(schema, "migrations", lambda: iter(before))
        patched.setattr(schema, "FORMAT", 2)
        patched.setattr(schema, "FIRST_WITH_PARTS", 0)
        schema.init(bare)
    with closing(Database(bare, "reader")) as reading, closing(Database(bare, "test")) as database:
        database.rows("INSERT INTO callbacks VALUES (0, 5, 's', 5, '', 'x')")
        reading.execute("BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0")
        assert reading.one("SELECT count(*) FROM callbacks") == 1
        with pytest.raises(StoreFailed, match="lock timeout"):
            schema.init(bare)
        reading.execute("COMMIT")
        assert database.one("SELECT count(*) FROM pg_constraint WHERE conname = 'below_parts'") == 0
        assert schema.init(bare).format_before == 2
        assert where(database, 5) == "callbacks_before"
