"""``receiver quarantine`` at a desk: listed, shown, redriven later, closed; and what is no id is wrong use."""

from __future__ import annotations

import pytest

from receiver.cli.main import run
from tests.cli.desk import Desk
from tests.operate.desk import exchange


@pytest.fixture
def filled(desk: Desk) -> Desk:
    """With an event, and two that nobody could read."""
    desk.take("0xpay-main", [exchange("fine"), exchange("odd", status="Refunded"), b"[junk]"])
    return desk


def test_the_list_is_a_table_or_json(filled: Desk) -> None:
    """What is open, by number; choices narrow it."""
    out, _ = filled.run("quarantine", "list", "--each")
    assert [line.split()[:2] for line in out.splitlines()[1:]] == [["2", "0xpay-main"], ["3", "0xpay-main"]]
    assert [row["reason"] for row in filled.lines("quarantine", "list")] == ["unknown_status", "not_json"]
    assert [row["id"] for row in filled.lines("quarantine", "list", "--reason", "not_json")] == [3]
    assert [row["id"] for row in filled.lines("quarantine", "list", "--id", "2")] == [2]
    assert filled.lines("quarantine", "list", "--state", "closed") == []
    assert filled.lines("quarantine", "list", "--until", "2024-01-01T00:00:00Z") == []


def test_the_word_that_nobody_knew_is_named(filled: Desk) -> None:
    """Masked as everything is; empty where it is about no word."""
    assert [row["word"] for row in filled.lines("quarantine", "list")] == ["Refunded", ""]
    for options in ((), ("--each",), ("--id", "2")):
        assert "unknown_status  status  Refunded" in filled.run("quarantine", "list", *options)[0]
    filled.take("0xpay-main", [exchange("odd", status="4111 1111 1111 1111")])
    assert filled.lines("quarantine", "list")[-1]["word"] == "411111******1111"


def test_people_see_groups_that_say_the_same(filled: Desk) -> None:
    """The largest first, with its first and last time and its newest callback; tools have each as ever."""
    filled.take("0xpay-main", [exchange("odd again", status="Refunded"), exchange("strange", status="Odd")])
    lines = filled.run("quarantine", "list")[0].splitlines()
    assert lines[0].split() == ["count", "source", "reason", "detail", "word", "first", "last", "newest"]
    groups = [line.split() for line in lines[1:]]
    assert [[group[0], group[2], group[-1]] for group in groups] == [
        ["2", "unknown_status", "2"],  # the desk received 4 at an earlier time
        ["1", "not_json", "3"],
        ["1", "unknown_status", "5"],
    ]
    assert [group[4] for group in groups if group[2] == "unknown_status"] == ["Refunded", "Odd"]
    (line,) = filled.run("quarantine", "list", "--id", "4")[0].splitlines()[1:]
    assert line.split()[0] == "4"
    assert [row["id"] for row in filled.lines("quarantine", "list")] == [2, 3, 4, 5]
    assert filled.lines("quarantine", "list", "--each") == filled.lines("quarantine", "list")


def test_an_empty_list_says_so(filled: Desk) -> None:
    """As a message: there is no result, and not even a heading of one."""
    assert filled.run("quarantine", "list", "--state", "closed") == ("", "nothing in quarantine is closed\n")
    for narrowed in (("--source", "swaps"), ("--id", "1")):
        assert filled.run("quarantine", "list", *narrowed) == ("", "nothing in quarantine is chosen by that\n")
    assert filled.run("reconcile", "list") == ("", "no operation is asked about\n")


def test_one_is_shown_whole(filled: Desk) -> None:
    """Its body as it came, brackets and all; no signature."""
    out, _ = filled.run("quarantine", "show", "3")
    assert out.endswith("[junk]\n")
    assert "not_json" in out
    assert "signature" not in out
    (said,) = filled.lines("quarantine", "show", "3")
    assert said["body"] == "[junk]"
    assert "callback 1 is not in quarantine" in filled.fails("quarantine", "show", "1")


def test_what_is_no_id_is_wrong_use(filled: Desk) -> None:
    """Said in a sentence."""
    for command in (("show", "x"), ("list", "--id", "poll-"), ("close", "-", "--why", "y")):
        said = filled.fails("quarantine", *command, code=2)
        assert "is neither a callback's number, as 4711, nor an answer's, as poll-12" in said


def test_a_dry_run_only_shows(filled: Desk) -> None:
    """What each would become; nothing is asked of a service."""
    rows = filled.lines("quarantine", "redrive", "--dry-run")
    assert [(row["id"], row["becomes"]) for row in rows] == [(2, "still quarantined"), (3, "still quarantined")]
    out, err = filled.run("quarantine", "redrive", "--dry-run", "--id", "3")
    assert "still quarantined" in out
    assert err == ""


def test_a_redrive_without_a_service_waits_for_one(filled: Desk) -> None:
    """The request is kept; with nothing chosen there is none."""
    assert "request 1: no running service carried it out yet" in filled.run("quarantine", "redrive", "--yes")[1]
    _, err = filled.run("quarantine", "redrive", "--source", "swaps")
    assert err == "nothing in quarantine is chosen by that\n"


def test_it_asks_before_it_redrives(filled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who says no has asked for nothing."""
    monkeypatch.setattr("click.confirm", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    filled.run("quarantine", "redrive", code=130)
    assert "request 1:" in filled.run("quarantine", "redrive", "--yes")[1]


def test_one_is_closed_with_a_reason(filled: Desk) -> None:
    """Once a service has carried it out; only one that is open can be."""
    assert "request 1:" in filled.run("quarantine", "close", "2", "--why", "a test of theirs")[1]
    filled.interpret()
    (row,) = filled.lines("quarantine", "list", "--state", "closed")
    assert (row["id"], row["why"]) == (2, "a test of theirs")
    assert "callback 2 is not open in quarantine" in filled.fails("quarantine", "close", "2", "--why", "again")
    assert run(["quarantine", "close", "3"]) == 2


def test_a_body_is_shown_on_one_line_without_card_numbers(desk: Desk) -> None:
    """Unless somebody asks for them."""
    desk.take("0xpay-main", [b'{"meta":\n"\\u0034111 1111-1111 1111", "cut off'])
    for command in (("quarantine", "show", "1"), ("quarantine", "show", "1", "--json")):
        out, _ = desk.run(*command)
        assert "411111******1111" in out
        assert "1111-1111" not in out
    assert "\\\\u0034111 1111-1111 1111" in desk.run("quarantine", "show", "1", "--unmasked", "--json")[0]
    assert desk.run("quarantine", "show", "1")[0].splitlines()[-1].startswith('{"meta":\\n"')
