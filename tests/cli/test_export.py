"""``receiver export`` and ``import`` at a desk: a file for nobody else's eyes, and back."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tests.cli.desk import Desk
from tests.operate.desk import exchange


@pytest.fixture
def filled(desk: Desk) -> Desk:
    """With a card number in one of two callbacks."""
    desk.take("0xpay-main", [exchange("one"), exchange("two", to="4400000000000008")])
    return desk


def test_lines_go_to_stdout_or_to_a_file_of_ones_own(filled: Desk, tmp_path: Path) -> None:
    """0600; nothing half written is left under its name."""
    out, err = filled.run("export")
    assert [json.loads(line)["callback"] for line in out.splitlines()] == [1, 2]
    assert err == ""
    target = tmp_path / "callbacks.jsonl"
    target.write_text("before")
    out, err = filled.run("export", "--to", str(target), "--operation", "one")
    assert out == ""
    assert err == f"wrote 1 callbacks to {target}, card numbers and secrets masked\n"
    assert json.loads(target.read_text())["operation"] == "one"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert not list(tmp_path.glob("*.part"))


def test_no_name_of_a_file_is_wrong_use(filled: Desk) -> None:
    """As of a variable that is not set."""
    assert "--to names no file" in filled.fails("export", "--to", "", code=2)


def test_what_is_exported_unmasked_is_imported_and_known_the_second_time(filled: Desk, tmp_path: Path) -> None:
    """Into a journal that is made for it."""
    target = tmp_path / "callbacks.jsonl"
    assert filled.run("export", "--unmasked", "--to", str(target))[1] == f"wrote 2 callbacks to {target}\n"
    filled.config.write_text(filled.config.read_text().replace("/journal", "/other"))
    assert filled.run("import", str(target))[1] == "imported 2 callbacks (0 unverified): event 2\n"
    assert filled.run("import", str(target))[1] == "imported 2 callbacks (0 unverified): duplicate 2\n"
    assert [row["operation_id"] for row in filled.lines("tail")] == ["one", "two"]


def test_a_masked_export_needs_trust(filled: Desk, tmp_path: Path) -> None:
    """Without it nothing is taken, and no journal is made."""
    target = tmp_path / "callbacks.jsonl"
    filled.run("export", "--to", str(target))
    filled.config.write_text(filled.config.read_text().replace("/journal", "/other"))
    assert "2 of 2 callbacks cannot be verified, the first is number 1" in filled.fails("import", str(target))
    assert not (tmp_path / "other").exists()
    assert "(2 unverified)" in filled.run("import", "--trust", str(target))[1]


def test_what_is_no_export_is_named_by_its_line(filled: Desk, tmp_path: Path) -> None:
    """And a file that is not there is wrong use."""
    target = tmp_path / "nonsense"
    target.write_text("nonsense\n")
    assert "line 1 is no exported callback" in filled.fails("import", str(target))
    assert "does not exist" in filled.fails("import", str(tmp_path / "nowhere"), code=2)
