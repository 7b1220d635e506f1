"""``receiver track`` and ``reconcile list``: only what can be asked for is watched."""

from __future__ import annotations

from receiver.cli.context import hold_configured, open_configured
from tests.cli.desk import Desk


def test_what_is_tracked_is_listed(desk: Desk) -> None:
    """In a journal that is made for it: a swap may be created before the first service runs."""
    _, err = desk.run("track", "swaps", "swap-1")
    assert err == "swap-1 is watched: `poll.enabled` is off: `receiver reconcile once` asks\n"
    (row,) = desk.lines("reconcile", "list")
    assert (row["source"], row["operation"], row["state"], row["last_answer"]) == ("swaps", "swap-1", "open", None)
    out, _ = desk.run("reconcile", "list")
    assert out.splitlines()[1].split()[:4] == ["swaps", "swap-1", "open", "0"]
    assert desk.lines("reconcile", "list", "--overdue") == []


def test_with_poll_on_a_running_service_asks(desk: Desk) -> None:
    """And says so; where none runs that is said."""
    desk.config.write_text(desk.config.read_text().replace("enabled = false", ""))
    assert "swap-1 is watched: no service runs: it is asked for once" in desk.run("track", "swaps", "swap-1")[1]
    with hold_configured(open_configured(desk.config)):
        assert desk.run("track", "swaps", "swap-1")[1] == "swap-1 is watched: the service asks at once\n"


def test_a_source_that_cannot_be_asked_and_an_id_that_is_none(desk: Desk) -> None:
    """Each is named, and no journal is made."""
    assert "0xpay-main has no `poll`; those that have: swaps" in desk.fails("track", "0xpay-main", "x")
    assert "'two words' is no id of an operation of swaps" in desk.fails("track", "swaps", "two words")
    assert not (desk.config.parent / "journal").exists()


def test_without_poll_there_is_nothing_to_ask(desk: Desk) -> None:
    """In any of the commands."""
    text = desk.config.read_text()
    desk.config.write_text("\n".join(line for line in text.splitlines() if not line.startswith("poll =")))
    for command in (("track", "swaps", "x"), ("reconcile", "once"), ("reconcile", "list")):
        out, err = desk.run(*command, code=2)
        assert out == ""
        assert "poll" in err
