"""Looking things up on real files: what is asked often goes by an index, however many operations there are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from receiver.journal.search import Search
from receiver.journal.sqlite import store as sqlite
from receiver.journal.sqlite.journal import SqliteJournal, open_journal
from receiver.journal.sqlite.search import SqliteSearch
from receiver.model.callback import EntryId
from receiver.model.operation import OperationState, operation_key
from receiver.model.records import OutboxBatch, QuarantineFilter


def key(number: int) -> str:
    """Some operation's key."""
    return operation_key("0xpay", "m", "exchange", f"o{number}")


@pytest.fixture
def journal(tmp_path: Path) -> SqliteJournal:
    """With three hundred operations; two hundred of them are in the table of keys, the others are gathered."""
    journal = open_journal(tmp_path / "journal")
    outbox = journal.outbox(write=True)
    outbox.commit(OutboxBatch(states={key(number): OperationState(1) for number in range(300)}))
    outbox.close()
    connection = sqlite.connect(journal.folder / "outbox.db")
    connection.execute("INSERT INTO operation_keys SELECT key_hash, id FROM operations WHERE id <= 200")
    connection.execute("INSERT INTO meta VALUES ('keys_indexed_to', 200)")
    connection.close()
    return journal


def plans(search: SqliteSearch, ask: Callable[[Search], Any]) -> list[str]:
    """How SQLite carries out every statement that answers this question, a line for each table."""
    said: list[tuple[str, Any]] = []

    def note(_cursor: Any, statement: str, bindings: Any) -> bool:
        said.append((statement, bindings))
        return True

    search._db.exec_trace = note
    ask(search)
    search._db.exec_trace = None
    assert said
    return [
        f"{row[3]}"
        for statement, bindings in said
        if statement.lstrip().upper().startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "--"))
        for row in search._db.execute(f"EXPLAIN QUERY PLAN {statement}", bindings)
    ]


@pytest.mark.parametrize("again", [False, True])
def test_an_operation_is_found_by_its_key_without_reading_all(journal: SqliteJournal, *, again: bool) -> None:
    """By the table of hashes, and by number; also the first time, when what the table lacks is gathered."""
    search = journal.search()
    wanted = [key(3), key(250), key(999)]
    if again:
        search.operations_by_key(wanted)
    found = plans(search, lambda one: one.operations_by_key(wanted))
    assert any("operation_keys USING PRIMARY KEY" in line for line in found), found
    assert any("SEARCH operations USING INTEGER PRIMARY KEY" in line for line in found), found
    assert [
        line for line in found if line.startswith("SCAN") and "json_each" not in line and "CONSTANT" not in line
    ] == []
    assert [one.key for one in search.operations_by_key(wanted)] == wanted[:2]
    search.close()


@pytest.mark.parametrize(
    "ask",
    [
        lambda search: search.arrivals(7),
        lambda search: search.records_of(7),
        lambda search: search.record(7),
        lambda search: search.quarantine(QuarantineFilter(), EntryId("inbox", 7), 5),
    ],
)
def test_one_operations_story_reads_no_others(journal: SqliteJournal, ask: Callable[[Search], Any]) -> None:
    """Nor does a page of quarantine read the pages before it."""
    search = journal.search()
    assert [line for line in plans(search, ask) if line.startswith("SCAN") and "CONSTANT" not in line] == []
    search.close()


def test_by_an_id_alone_all_are_read_and_only_then(journal: SqliteJournal) -> None:
    """No index knows it: that is for people, and the only question of that kind."""
    search = journal.search()
    assert "SCAN operations" in plans(search, lambda one: one.operations_by_id("o7"))
    search.close()
