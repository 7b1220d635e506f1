"""What can fail of a journal in a database, row by row of the table in docs/operate/several.md, and the tests of it.

``ROWS`` says for each row which tests fail when the service does not do what the row says. Those at the end are here,
since they need no more than a database; the others have their own place.
"""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from receiver.journal.ports import InboxLimits
from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.journal import find_journal
from receiver.journal.slots import HeldSlot, Slots, SlotState
from receiver.model.errors import StoreFailed, Unavailable
from tests.chaos.proxy import Proxy
from tests.chaos.service import until
from tests.contract.journal.samples import batch, callback, event
from tests.journal.postgres.test_inbox_writer import a_replica_that_never_answers
from tests.journal.postgres.test_split_brain import append
from tests.ports import free_port

ROOT = Path(__file__).parents[3]
HERE, WHOLE = "tests/journal/postgres/", "tests/whole_service/"
ROWS: dict[str, tuple[str, ...]] = {
    "a service that takes callbacks dies": (WHOLE + "test_shared_chaos.py::test_each_fault_once_under_load",),
    "a worker dies, or its machine": (
        WHOLE + "test_shared_journal.py::test_a_slot_is_taken_over_from_a_worker_that_is_killed",
        "tests/service/test_slot_holder.py::test_the_slots_of_a_worker_that_is_silent_are_taken_over",
    ),
    "a worker is stopped for a while and wakes up": (
        WHOLE + "test_shared_journal.py::test_a_worker_that_wakes_after_its_lease_changes_nothing",
        HERE + "test_outbox.py::test_who_lost_the_slot_is_fenced",
    ),
    "a process of a worker dies": (WHOLE + "test_shared_chaos.py::test_each_fault_once_under_load",),
    "a process of a worker hangs and says nothing for three minutes": (
        WHOLE + "test_shared_failover.py::test_a_process_of_a_slot_that_hangs_is_killed_and_its_slot_goes_on",
    ),
    "a worker is stopped within a transaction": (
        WHOLE + "test_shared_journal.py::test_a_worker_that_stops_within_a_transaction_is_replaced",
    ),
    "the database is away": (
        WHOLE + "test_shared_journal.py::test_a_database_that_crashes_is_waited_for",
        HERE + "test_holding.py::test_a_database_that_is_away_is_waited_for_and_then_said",
        HERE + "test_holding.py::test_a_session_that_the_server_ended_costs_no_callback",
        "tests/service/test_slot_holder.py::test_leases_that_ran_out_while_the_database_was_away_are_not_taken_at_once",
    ),
    "the primary dies, a synchronous replica takes over": (
        WHOLE + "test_shared_journal.py::test_nothing_acknowledged_is_lost_where_a_synchronous_replica_takes_over",
        HERE + "test_connecting.py::test_a_host_that_does_not_do_holds_up_no_other",
    ),
    "the primary dies, an asynchronous replica takes over": (
        WHOLE
        + "test_shared_failover.py::test_what_an_asynchronous_replica_lacks_is_missed_aloud_and_each_slot_is_mended",
        HERE + "test_inbox_writer.py::test_a_server_that_lacks_what_was_answered_is_noticed",
    ),
    "the replica that commits wait for is away": (
        HERE + "test_failures.py::test_a_replica_that_is_away_is_waited_for_and_then_said",
        HERE + "test_inbox_writer.py::test_a_wait_for_a_replica_that_was_called_off_is_no_commit",
        HERE + "test_inbox_writer.py::test_nor_is_a_batch_whose_wait_was_called_off",
    ),
    "the old primary comes back, and takes writes": (
        HERE + "test_split_brain.py::test_nobody_goes_back_to_an_old_primary_while_there_is_a_newer_one",
    ),
    "somebody's transaction that writes stays open": (
        HERE + "test_inbox.py::test_a_foreign_transaction_does_not_hold_events_up",
    ),
    "somebody reads for hours, as `pg_dump` does": (
        HERE + "test_failures.py::test_a_snapshot_that_is_held_keeps_nobody_waiting",
        HERE + "test_parts.py::test_an_open_reader_holds_up_the_drop_and_nobody_else",
    ),
    "a connection answers nothing": (
        HERE + "test_failures.py::test_a_connection_that_answers_nothing_is_given_up",
        HERE + "test_connecting.py::test_a_machine_that_vanished_is_given_up_within_seconds",
    ),
    "the disk of the tables is full": (
        HERE + "test_failures.py::test_a_disk_that_is_full_is_said_and_found_empty_again",
        WHOLE + "test_shared_chaos.py::test_each_fault_once_under_load",
    ),
    "a right of the service's role is taken away": (
        HERE + "test_failures.py::test_a_right_that_was_taken_away_is_missed_for_as_long_as_it_is",
    ),
    "transactions are counted anew, as after a restore from a dump": (
        HERE + "test_sharing.py::test_a_database_that_counts_anew_is_adopted",
    ),
    "no worker makes the inbox's next part": (
        HERE + "test_parts.py::test_numbers_that_passed_all_parts_are_kept_and_the_next_part_begins_above_them",
        "tests/service/test_slot_holder.py::test_callbacks_that_no_part_was_made_for_are_said",
    ),
    "Kafka is away": (WHOLE + "test_shared_chaos.py::test_each_fault_once_under_load",),
}
"""What happens, as the page has it → tests."""


def test_each_row_has_its_tests() -> None:
    """Every row of the page is here, every row here is on the page, and every test that is named is there."""
    page = (ROOT / "docs/operate/several.md").read_text("utf-8")
    table = page.partition("## Failover")[2].partition("\n## ")[0]
    rows = [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines() if line.startswith("| ")]
    assert set(rows) - {"what happens"} == set(ROWS)
    for named in ROWS.values():
        for one in named:
            file, _, name = one.partition("::")
            tree = ast.parse((ROOT / file).read_text("utf-8"))
            assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.fixture
def hurried(address: Address) -> Address:
    """A journal whose callers are told 503 soon, and whose service gives a commit up soon."""
    return address.with_options(replace(address.options, commit_timeout_s=1.0))


@pytest.fixture
def database(address: Address) -> Iterator[Database]:
    """To look and to change by hand."""
    with closing(Database(address, "test")) as found:
        yield found


async def test_a_replica_that_is_away_is_waited_for_and_then_said(hurried: Address, database: Database) -> None:
    """The caller is told 503; once nothing was committed for a while nobody waits any more; and it heals by itself."""
    inbox = find_journal(hurried).inbox_writer(InboxLimits())
    await append(inbox, 1)
    with a_replica_that_never_answers(database):
        with pytest.raises(Unavailable, match="commit_failed"):
            await inbox.append(callback(2))
        await asyncio.to_thread(until, lambda: inbox.accepting() == "database_down")
        assert inbox.trouble() == "inbox: the database did not answer in time"
        with pytest.raises(Unavailable, match="database_down"):
            await inbox.append(callback(3))
    await asyncio.to_thread(until, lambda: inbox.accepting() is None)
    assert inbox.trouble() is None
    await asyncio.to_thread(inbox.close)


async def test_a_disk_that_is_full_is_said_and_found_empty_again(address: Address, database: Database) -> None:
    """Nobody waits for it; nothing is kept of what shows that there is room again."""
    inbox = find_journal(address).inbox_writer(InboxLimits())
    await inbox.append(callback(1))
    database.execute(
        "CREATE FUNCTION is_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;"
        " CREATE TRIGGER no_room BEFORE INSERT ON callbacks EXECUTE FUNCTION is_full()"
    )
    waiting = asyncio.ensure_future(inbox.append(callback(2)))
    await asyncio.to_thread(until, lambda: inbox.accepting() == "database_full")
    assert inbox.trouble() == "database_full: could not extend file: No space left on device"
    with pytest.raises(Unavailable, match="database_full"):
        await inbox.append(callback(3))
    database.execute("DROP TRIGGER no_room ON callbacks; DROP FUNCTION is_full()")
    assert await waiting, "it was kept as soon as there was room"
    assert (inbox.accepting(), inbox.trouble()) == (None, None)
    assert database.one("SELECT count(*) FROM callbacks") == 2
    await asyncio.to_thread(inbox.close)


async def test_a_right_that_was_taken_away_is_missed_for_as_long_as_it_is(hurried: Address, database: Database) -> None:
    """That a connection can be opened proves nothing: it is not said in between that all is well."""
    database.execute(f"CREATE ROLE fewer LOGIN; GRANT USAGE ON SCHEMA {hurried.schema} TO fewer")
    tables = f"ALL TABLES IN SCHEMA {hurried.schema}"
    database.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO fewer")
    inbox = find_journal(replace(hurried, url=hurried.url.replace("ledger@", "fewer@"))).inbox_writer(InboxLimits())
    try:
        await append(inbox, 1)
        database.execute("REVOKE INSERT ON callbacks FROM fewer")
        with pytest.raises(Unavailable, match="commit_failed"):
            await inbox.append(callback(2))
        denied = "inbox: permission denied for table callbacks"
        await asyncio.to_thread(until, lambda: inbox.trouble() == denied)
        for _ in range(10):
            await asyncio.sleep(0.02)
            assert inbox.trouble() is not None
        await asyncio.to_thread(until, lambda: inbox.accepting() == "database_down")
        database.execute("GRANT INSERT ON callbacks TO fewer")
        await asyncio.to_thread(until, lambda: inbox.accepting() is None)
        assert await append(inbox, 3)
    finally:
        await asyncio.to_thread(inbox.close)
        database.execute("DROP OWNED BY fewer; DROP ROLE fewer")


async def test_a_connection_that_answers_nothing_is_given_up(hurried: Address) -> None:
    """The caller is told 503 in time, a store says that it failed, and both go on over another connection."""
    server = urlsplit(hurried.url)
    assert server.port is not None
    proxy = Proxy(free_port(), server.port)
    await proxy.start()
    url = f"postgresql://{server.username}@127.0.0.1:{proxy.port}{server.path}"
    through = find_journal(hurried)
    through = replace(through, address=Address.of(url, hurried.options))
    inbox = through.inbox_writer(InboxLimits())
    try:
        with closing(through.slots()) as slots:
            await append(inbox, 1)
            await asyncio.to_thread(until, lambda: _states(slots))
            proxy.swallowing = True
            with pytest.raises(Unavailable, match="commit_failed"):
                await inbox.append(callback(2))
            with pytest.raises(StoreFailed, match="did not answer in time"):
                await asyncio.to_thread(slots.states)
            proxy.swallowing = False
            proxy.cut()  # who is just connecting waits for seconds else
            assert await asyncio.to_thread(until, lambda: _states(slots))
            assert await append(inbox, 3)
            assert inbox.trouble() is None
    finally:
        await asyncio.to_thread(inbox.close)
        await proxy.stop()


def _states(slots: Slots) -> Sequence[SlotState] | None:
    # None where a slow machine does not answer in time.
    try:
        return slots.states()
    except StoreFailed:
        return None


async def test_a_snapshot_that_is_held_keeps_nobody_waiting(address: Address, database: Database) -> None:
    """Callbacks are taken, read and interpreted, and leases renewed, while it sees what was there at its beginning."""
    journal = find_journal(address)
    inbox = journal.inbox_writer(InboxLimits())
    everything = (
        "SELECT (SELECT count(*) FROM callbacks), (SELECT count(*) FROM records), (SELECT sum(epoch) FROM slots)"
    )
    database.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL idle_in_transaction_session_timeout = 0")
    before = database.rows(everything)
    with closing(journal.slots()) as slots:
        held = slots.take("me", 60, [])
        assert held == HeldSlot(0, before[0][2] + 1)
        with closing(replace(journal, held=held).outbox(write=True)) as outbox, closing(journal.inbox()) as reader:
            for at in range(1, 31):
                number = await inbox.append(callback(at))
                found = await asyncio.to_thread(reader.read, number - 1, 10)
                assert [entry.number for entry in found] == [number]
                await asyncio.to_thread(outbox.commit, batch([event(at)], follows=(at - 1, at - 1)))
                assert slots.renew("me", held)
            assert outbox.last_number() == 30
    assert database.rows(everything) == before
    database.execute("COMMIT")
    assert database.rows(everything) == [(30, 30, before[0][2] + 1)]
    await asyncio.to_thread(inbox.close)
