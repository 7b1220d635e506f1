"""Finding operations by their keys on a real disk: gathered, put in slices, read again after a crash."""

from __future__ import annotations

import inspect
import random
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from receiver.journal.sqlite import operation_keys as sqlite_keys
from receiver.journal.sqlite import store as sqlite
from receiver.journal.sqlite.audit import check
from receiver.journal.sqlite.journal import open_journal
from receiver.journal.sqlite.operation_keys import OperationKeys
from receiver.journal.sqlite.outbox import SqliteOutbox
from receiver.journal.sqlite.outbox_rows import operation_row
from receiver.journal.sqlite.search import SqliteSearch
from receiver.journal.sqlite.statements import named_queries
from receiver.model.errors import StoreFailed
from receiver.model.operation import OperationState
from receiver.model.records import OutboxBatch, Progress
from tests.warm_commands import forked

SQL = named_queries("outbox")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new journal, whose hashes move to the table when ten are there, three or more at once."""
    monkeypatch.setattr(sqlite_keys, "GATHER", 10)
    monkeypatch.setattr(sqlite_keys, "SLICES_MAX", 4)
    monkeypatch.setattr(sqlite_keys, "SLICE_TIMES", 2)
    open_journal(tmp_path / "journal")
    return tmp_path / "journal"


@pytest.fixture
def outbox(folder: Path) -> Iterator[SqliteOutbox]:
    """Its outbox."""
    store = SqliteOutbox.open(folder)
    yield store
    store.close()


def key(number: int) -> str:
    """Some operation's key."""
    return f"0xpay:a:exchange:{number}"


def state(number: int) -> OperationState:
    """Some state of an operation, told apart by its number."""
    return OperationState(number, "Done", 3, True, None, number, f"event-{number}", {"Done": number})


def commit(outbox: SqliteOutbox, *numbers: int, change: int = 0) -> None:
    """Put these operations; ``change`` makes another state of them."""
    outbox.commit(OutboxBatch(states={key(number): state(number + change) for number in numbers}))


def found(outbox: SqliteOutbox, count: int) -> dict[str, OperationState]:
    """What is known of the first ``count``, asked in one question."""
    return {one: known.state for one, known in outbox.operations([key(n) for n in range(count)]).items()}


def in_table(folder: Path) -> tuple[int, int]:
    """Hashes in the table; the number up to which it has all."""
    connection = sqlite.connect(folder / "outbox.db", read_only=True)
    rows = next(iter(connection.execute("SELECT count(*) FROM operation_keys")))[0]
    to = dict(connection.execute("SELECT key, value FROM meta")).get("keys_indexed_to", 0)
    connection.close()
    return int(rows), int(to)


def test_every_operation_is_found_wherever_its_hash_is(folder: Path, outbox: SqliteOutbox) -> None:
    """In memory, in the table or on its way there; by its writer, by one that opens the store, and by one beside it."""
    chance = random.Random(8)
    beside = SqliteOutbox.open(folder, read_only=True)
    states: dict[str, OperationState] = {}
    stages = set()
    while len(states) < 120:
        new = range(len(states), len(states) + chance.randint(0, 5))
        old = chance.sample(range(len(states)), min(len(states), chance.randint(0, 3)))
        commit(outbox, *new, *old, change=len(states))
        states |= {key(n): state(n + new.start) for n in (*new, *old)}
        later = SqliteOutbox.open(folder, read_only=True)
        for reader in (outbox, later, beside) if chance.random() < 0.5 else (outbox, later):
            assert found(reader, 130) == states
        later.close()
        with closing(SqliteSearch(folder)) as search:  # which asks once, and gathers nothing
            assert {one.key for one in search.operations_by_key([key(n) for n in range(130)])} == set(states)
            assert search.operations_by_key([]) == []
        rows, to = in_table(folder)
        stages.add("gathering" if rows == to else "moving")
        assert to <= rows <= len(states) <= to + 40
    beside.close()
    assert stages == {"gathering", "moving"}
    assert check(folder) == []


def test_hashes_side_by_side_all_move(folder: Path, outbox: SqliteOutbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slice begins right behind the one before it."""
    monkeypatch.setattr(sqlite, "key_hash", lambda one: int(one.rpartition(":")[2]))
    number = 0
    while in_table(folder)[1] == 0:
        commit(outbox, number)
        number += 1
    again = SqliteOutbox.open(folder)
    assert found(again, 60) == {key(n): state(n) for n in range(number)}
    again.close()
    assert check(folder) == []


def test_a_commit_that_fails_leaves_nothing_in_memory(folder: Path, outbox: SqliteOutbox) -> None:
    """Neither its operations nor a slice that was rolled back count."""
    commit(outbox, *range(9))
    commit(outbox, 9)
    commit(outbox, 10)
    assert in_table(folder) == (6, 0)
    nowhere = Progress(None)  # type: ignore[arg-type]
    with pytest.raises(StoreFailed, match="NOT NULL"):
        outbox.commit(OutboxBatch(states={key(11): state(11), key(12): state(12)}, progress={"inbox": nowhere}))
    assert found(outbox, 20) == {key(n): state(n) for n in range(11)}
    commit(outbox, 12)
    while in_table(folder)[1] == 0:
        commit(outbox, in_table(folder)[0] + 20)
    outbox.close()
    assert check(folder) == []


def test_a_sweep_ends_where_single_callbacks_come(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many have gathered, as after a year of restarts: so many commits with one new operation each."""
    outbox = SqliteOutbox.open(folder)
    monkeypatch.setattr(sqlite_keys, "GATHER", 1_000)
    commit(outbox, *range(900))
    outbox.close()
    monkeypatch.setattr(sqlite_keys, "GATHER", 10)
    monkeypatch.setattr(sqlite_keys, "SLICES_MAX", 20)
    again = SqliteOutbox.open(folder)
    number = 900
    while in_table(folder)[1] == 0:
        commit(again, number)
        number += 1
    assert in_table(folder)[1] == 901
    assert 919 <= number <= 921  # twenty commits, about
    assert found(again, 1000) == {key(n): state(n) for n in range(number)}
    again.close()


def test_a_number_that_was_in_the_table_is_not_given_again(folder: Path, outbox: SqliteOutbox) -> None:
    """Its operation is gone, and another with its number would be taken for one that the table has."""
    for number in range(30):
        commit(outbox, number)
    indexed_to = in_table(folder)[1]
    assert indexed_to >= 10
    with sqlite.connect(folder / "outbox.db") as connection:
        connection.execute("DELETE FROM operations WHERE id > 5")
    connection.close()
    again = SqliteOutbox.open(folder)
    commit(again, 100, 101)
    search = SqliteSearch(folder)
    assert [found.number for found in search.operations_by_id("100")] == [indexed_to + 1]
    search.close()
    assert found(again, 102) == {key(n): state(n) for n in (*range(5), 100, 101)}
    again.close()


def test_a_number_on_its_way_to_the_table_is_not_given_again(folder: Path, outbox: SqliteOutbox) -> None:
    """Its operation is undone while hashes move: another with its number would count as moved when they have."""
    for number in range(12):
        commit(outbox, number)
    assert in_table(folder)[1] == 0 < in_table(folder)[0]
    with sqlite.connect(folder / "outbox.db") as connection:
        connection.execute("DELETE FROM operations WHERE id > 7")
    connection.close()
    number = 20
    while in_table(folder)[1] == 0:
        commit(outbox, number)
        number += 1
    again = SqliteOutbox.open(folder)
    for one in (*range(7), *range(20, number)):  # each alone: a row of what is gone can lead to another's number
        assert [known.state for known in again.operations([key(one)]).values()] == [state(one)]
    again.close()


def test_an_operation_that_another_hand_put_is_found(folder: Path, outbox: SqliteOutbox) -> None:
    """Also under a number that the writer knows as another operation's, which is gone."""
    commit(outbox, *range(8))
    beside = sqlite.connect(folder / "outbox.db")
    with beside:
        beside.execute("DELETE FROM operations WHERE id = 8")
        keys = OperationKeys(beside)
        for number in (50, 51):
            numbers, new = keys.numbered([key(number)])
            assert (numbers, new) == ({key(number): 8 + number - 50}, [key(number)])
            beside.execute(SQL["put_operation"], operation_row(numbers[key(number)], key(number), state(number)))
            keys.put_at_once(key(number), numbers[key(number)])
    beside.close()
    assert found(outbox, 60) == {key(n): state(n) for n in (*range(7), 50, 51)}
    for number in (7, 50, *range(20, 40)):
        commit(outbox, number)
    assert found(outbox, 60) == {key(n): state(n) for n in (*range(8), *range(20, 40), 50, 51)}


def test_operations_whose_keys_share_a_hash_are_told_apart(folder: Path, outbox: SqliteOutbox) -> None:
    """Both in memory, both in the table, and one in each."""
    pairs = twins(3)
    states: dict[str, OperationState] = {}
    for at, (one, other) in enumerate(pairs):
        outbox.commit(OutboxBatch(states={one: state(at)}))
        assert (list(outbox.operations({one})), outbox.operations({other})) == ([one], {})
        if at:  # the first has both gathered at a time, the others have one in the table
            fill = range(100 * at, 100 * at + 30)
            commit(outbox, *fill)
        outbox.commit(OutboxBatch(states={other: state(at + 50), one: state(at + 70)}))
        states |= {one: state(at + 70), other: state(at + 50)}
        for reader in (outbox, SqliteOutbox.open(folder, read_only=True)):
            assert {key: known.state for key, known in reader.operations(states).items()} == states
    commit(outbox, *range(500, 560))
    assert {key: known.state for key, known in outbox.operations(states).items()} == states
    assert check(folder) == []


def twins(count: int) -> list[tuple[str, str]]:
    """Keys that have the same hash, in pairs."""
    by_hash: dict[int, str] = {}
    pairs: list[tuple[str, str]] = []
    number = 0
    while len(pairs) < count:
        number += 7919
        one = f"0xpay:a:exchange:{number:x}"
        other = by_hash.setdefault(sqlite.key_hash(one), one)
        if other != one:
            pairs.append((other, one))
    return pairs


def test_a_hash_that_is_gone_from_the_table_is_told(folder: Path, outbox: SqliteOutbox) -> None:
    """Its operation's next callback would begin it anew, from sequence 1."""
    for number in range(30):
        commit(outbox, number)
    with sqlite.connect(folder / "outbox.db") as connection:
        connection.execute("DELETE FROM operation_keys WHERE operation = 4")
    connection.close()
    assert check(folder) == [f"operation 4 ({key(3)}) is not in the table of keys"]


CHILD = f"""
import sys
from pathlib import Path
from receiver.journal.sqlite import operation_keys as sqlite_keys
from receiver.journal.sqlite.outbox import SqliteOutbox
from receiver.model.operation import OperationState
from receiver.model.records import OutboxBatch

{inspect.getsource(key)}
{inspect.getsource(state)}
{inspect.getsource(commit)}
sqlite_keys.GATHER, sqlite_keys.SLICES_MAX, sqlite_keys.SLICE_TIMES = 10, 4, 1
outbox, number = SqliteOutbox.open(Path(sys.argv[1])), int(sys.argv[2])
while True:
    commit(outbox, number, number + 1)
    number += 2
    print(number, flush=True)
"""
"""Without this module, which would bring all that tests need. Each is forked from a process that has read the rest."""


@pytest.mark.long
def test_killed_at_any_moment_it_knows_every_operation(folder: Path) -> None:
    """SIGKILL while hashes gather and move, ten times on one journal."""
    chance = random.Random(9)
    known = 0
    for _ in range(10):
        child, said_by = forked(CHILD, str(folder), str(known))
        with said_by:
            said = [said_by.readline() for _ in range(chance.randint(1, 20))]
            time.sleep(chance.uniform(0, 0.005))
            child.send_signal(signal.SIGKILL)
            said += said_by.readlines()
        assert child.wait() == -signal.SIGKILL
        told = int(next(line for line in reversed(said) if line.endswith("\n")))
        outbox = SqliteOutbox.open(folder)
        states = found(outbox, told + 10)
        outbox.close()
        known = len(states)
        assert known in {told, told + 2}  # one more commit, which it had no time to tell
        assert states == {key(n): state(n) for n in range(known)}
        assert check(folder) == []
    assert in_table(folder)[1] > 0
