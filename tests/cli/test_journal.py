"""``receiver journal`` at a desk without Kafka: checked, copied, measured."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from tests.cli.desk import Desk
from tests.operate.desk import exchange

pytestmark = pytest.mark.usefixtures("unhurried")


@pytest.fixture
def filled(desk: Desk) -> Desk:
    """With two events and what nobody could read."""
    desk.take("0xpay-main", [exchange("one"), b"junk", exchange("two")])
    return desk


def test_a_sound_journal_is_exit_0(filled: Desk) -> None:
    """And says what was looked at; the verdict is the result."""
    out, err = filled.run("journal", "check")
    assert out.startswith("journal ")
    assert out.endswith(": sound\n")
    assert err == "Kafka is not configured\n"
    (said,) = filled.lines("journal", "check")
    assert (said["faults"], said["kafka"]) == ([], "Kafka is not configured")


def test_a_journal_with_faults_is_exit_1_and_names_them(filled: Desk, tmp_path: Path) -> None:
    """Here a callback that is interpreted, and whose outcome is gone."""
    connection = apsw.Connection(str(tmp_path / "journal" / "outbox.db"))
    connection.execute("DELETE FROM outcomes WHERE number = 3")
    connection.close()
    out, _ = filled.run("journal", "check", code=1)
    assert "callback 3 counts as interpreted, and became nothing" in out
    assert out.endswith(": one fault\n")


def test_figures_are_a_table_or_json(filled: Desk) -> None:
    """The same ones."""
    (said,) = filled.lines("journal", "stats")
    assert (said["callbacks"], said["interpreted_to"], said["records"]) == (3, 3, 3)
    out, _ = filled.run("journal", "stats")
    assert [line.split()[0] for line in out.splitlines()[1:]] == list(said)


def test_the_index_is_made_and_named(filled: Desk, tmp_path: Path) -> None:
    """As a line or JSON; the figures say how far it is, and what is found by it is what was found before."""
    (said,) = filled.lines("journal", "stats")
    assert (said["indexed_to"], said["search_bytes"]) == (0, 0)
    assert filled.run("journal", "index") == ("indexed to 3 of 3\n", "")
    (said,) = filled.lines("journal", "stats")
    assert said["indexed_to"] == 3
    assert said["search_bytes"] == sum(path.stat().st_size for path in (tmp_path / "journal").glob("search.db*"))
    assert filled.lines("journal", "index") == [{"indexed_to": 3, "last_record": 3, "exact_only": False}]
    assert filled.run("journal", "index", "--anew") == ("indexed to 3 of 3\n", "")
    assert "nothing is known of an operation wo" in filled.fails("show", "wo")
    assert [row["callback"] for row in filled.lines("show", "two")] == [3]


def test_a_copy_is_a_journal(filled: Desk, tmp_path: Path) -> None:
    """Each file is named with its size; a folder that is not empty is refused."""
    copy = tmp_path / "copy"
    out, err = filled.run("journal", "backup", str(copy))
    assert f"{copy}/inbox.db  " in out
    assert "to restore: stop the service" in err
    assert str(copy) in filled.fails("journal", "backup", str(copy))
    filled.config.write_text(filled.config.read_text().replace("/journal", "/copy"))
    assert filled.lines("journal", "stats")[0]["callbacks"] == 3
