"""How a writer keeps its write-ahead log short, on real files."""

from __future__ import annotations

from pathlib import Path

import pytest

from receiver.journal.sqlite import store as sqlite
from receiver.journal.sqlite import wal
from receiver.journal.sqlite.wal import Wal

PAGE = 4096
FEW, MANY = 32, 128
BLOB = b"\x5a" * (8 * PAGE)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a test reaches."""
    monkeypatch.setattr(wal, "CHECKPOINT_BYTES", FEW * PAGE)
    monkeypatch.setattr(wal, "WAL_BYTES_MAX", MANY * PAGE)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("page_bytes", [PAGE, 1024])
def test_a_log_begins_anew_and_one_that_is_read_is_restarted_as_soon_as_nobody_reads(
    tmp_path: Path, page_bytes: int
) -> None:
    """Whatever a reader does, each commit goes through; the log is long only as long as one holds it."""
    path = tmp_path / "store.db"
    writer = sqlite.connect(path, create=True, page_bytes=page_bytes)
    writer.execute("CREATE TABLE kept (number INTEGER PRIMARY KEY, value BLOB)")
    log, keeper = path.with_name("store.db-wal"), Wal(writer)

    def commit(times: int) -> None:
        for _ in range(times):
            writer.execute("INSERT INTO kept (value) VALUES (?)", (BLOB,))
            keeper.keep_short()

    commit(100)
    assert log.stat().st_size < 2 * FEW * PAGE
    reader = sqlite.connect(path, read_only=True)
    reading = reader.execute("SELECT value FROM kept")
    next(reading)
    commit(100)
    assert log.stat().st_size > MANY * PAGE
    reading.close()
    commit(FEW)
    assert log.stat().st_size < 2 * FEW * PAGE
    assert next(iter(reader.execute("SELECT count(*) FROM kept")))[0] == 200 + FEW
    reader.close()
    writer.close()
