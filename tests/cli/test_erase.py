"""``receiver erase`` and the keys of a journal at a desk: previewed, asked, done, told of; sealed, rotated, missing."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from receiver.journal.sealed import read_key
from tests.cli.desk import Desk
from tests.operate.desk import exchange

ONE, TWO = bytes(range(32)).hex(), bytes(range(64, 96)).hex()
IDS = [read_key(key.encode()).key_id for key in (ONE, TWO)]


@pytest.fixture
def filled(desk: Desk) -> Desk:
    """Two operations, and a callback that nobody could read."""
    desk.take("0xpay-main", [exchange("one"), exchange("one", status="Refunded"), exchange("two")])
    return desk


def with_keys(desk: Desk, monkeypatch: pytest.MonkeyPatch, *keys: str) -> None:
    """Configure keys, by references to the environment."""
    names = [f"JOURNAL_KEY_{number}" for number, _ in enumerate(keys)]
    for name, key in zip(names, keys, strict=True):
        monkeypatch.setenv(name, key)
    monkeypatch.setenv("RECEIVER_JOURNAL__KEYS", "[" + ",".join(f'"env:{name}"' for name in names) + "]")


def in_files(folder: Path, content: bytes) -> bool:
    """Whether any file of the journal holds it."""
    return any(content in path.read_bytes() for path in (folder / "journal").iterdir() if path.is_file())


def test_a_dry_run_changes_nothing(filled: Desk) -> None:
    """It says what would go, and what to do about Kafka."""
    out, err = filled.run("erase", "one", "--reason", "asked to", "--dry-run")
    assert "callbacks" in out
    assert "1, 2" in out
    assert "retention.ms" in err
    assert filled.lines("erase", "one", "--reason", "asked to", "--dry-run")[0]["callbacks"] == [1, 2]
    assert [row["outcome"] for row in filled.lines("show", "one")] == ["event", "quarantine"]


def test_without_a_reason_or_a_yes_nothing_is_erased(filled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first is wrong use; the second was asked and said no."""
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    filled.run("erase", "one", "--yes", code=2)
    filled.run("erase", "one", "--reason", "asked to", code=130)
    assert filled.lines("journal", "check")[0]["erased"] == []


def test_what_was_erased_is_told_of_and_stands_in_no_file(filled: Desk, tmp_path: Path) -> None:
    """The check is content, and another operation is as it was."""
    body = exchange("one")
    assert in_files(tmp_path, body)
    _, err = filled.run("erase", "one", "--reason", "asked to", "--yes")
    assert "done" in err
    assert not in_files(tmp_path, body)
    _, err = filled.run("journal", "check")
    assert "exchange:one was erased at" in err
    assert "asked to" in err
    assert filled.lines("journal", "check")[0]["erased"][0]["what"]["callbacks"] == [1, 2]
    out, _ = filled.run("show", "one")
    assert "erased" in out
    assert "asked to" in out
    assert [row["outcome"] for row in filled.lines("show", "two")] == ["event"]
    assert "nothing is known" in filled.fails("erase", "nobody", "--reason", "asked to", "--yes")


def test_a_sealed_journal_is_looked_into_with_its_key(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Every command reads it, and nothing of a body stands in its files."""
    with_keys(desk, monkeypatch, ONE)
    desk.take("0xpay-main", [exchange("one"), b"junk-of-a-person"])
    assert not in_files(tmp_path, b"junk-of-a-person")
    assert [row["outcome"] for row in desk.lines("show", "one")] == ["event"]
    assert desk.lines("quarantine", "show", "2")[0]["body"] == "junk-of-a-person"
    assert desk.lines("journal", "check")[0]["faults"] == []
    assert desk.lines("journal", "stats")[0][f"key_{IDS[0]}_opens"] == 2
    _, err = desk.run("journal", "backup", str(tmp_path / "copy"))
    assert f"needs the key {IDS[0]}" in err


def test_a_missing_key_is_named_by_every_command(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """``check`` counts it among the faults of the configuration."""
    with_keys(desk, monkeypatch, ONE)
    desk.take("0xpay-main", [exchange("one")])
    with_keys(desk, monkeypatch, TWO)
    for command in (("show", "one"), ("journal", "check"), ("journal", "rekey"), ("quarantine", "list"), ("tail",)):
        assert f"sealed under the key {IDS[0]}" in desk.fails(*command)
    _, err = desk.run("check", code=2)
    assert f"sealed under the key {IDS[0]}, and `journal.keys` has {IDS[1]}" in err
    monkeypatch.setenv("JOURNAL_KEY_0", "changeme")
    _, err = desk.run("check", code=2)
    assert "journal.keys.0: the secret behind env:JOURNAL_KEY_0 is no key" in err
    assert "changeme" not in err


def test_a_key_is_rotated_and_the_old_one_thrown_away(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """First the new one before the old one, then rekey, then the new one alone."""
    with_keys(desk, monkeypatch, ONE)
    desk.take("0xpay-main", [exchange("one")])
    with_keys(desk, monkeypatch, TWO, ONE)
    out, err = desk.run("journal", "rekey")
    assert f"key {IDS[0]}: 2 data keys" in out
    assert "backups from before" in err
    with_keys(desk, monkeypatch, TWO)
    assert [row["outcome"] for row in desk.lines("show", "one")] == ["event"]
    desk.run("check")
