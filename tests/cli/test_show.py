"""``receiver show | rejects | drift`` at a desk."""

from __future__ import annotations

import pytest

from receiver.cli.context import hold_configured, open_configured
from receiver.model.callback import SIMULATED
from receiver.providers.zeroxpay import callbacks as zeroxpay
from tests.cli.desk import Desk
from tests.operate.desk import exchange
from tests.support import NOW_S, oxpay_source

BODY = exchange("one")


@pytest.fixture
def filled(desk: Desk) -> Desk:
    """An operation with everything that a timeline can show."""
    bodies = [BODY, BODY, exchange("one", status="Pending"), exchange("one", status="Refunded", odd=1)]
    desk.take("0xpay-main", bodies)
    return desk


def test_a_timeline_says_what_is_unusual(filled: Desk) -> None:
    """A repetition, what came late, what nobody could read."""
    out, _ = filled.run("show", "one")
    rows = out.splitlines()[1:]
    assert [row.split()[0] for row in rows] == ["1", "2", "3", "4"]
    assert "repeats sequence 1" in rows[1]
    assert "late" in rows[2]
    assert "unknown_status status (open)" in rows[3]
    assert [row["outcome"] for row in filled.lines("show", "one")] == ["event", "duplicate", "event", "quarantine"]


def test_a_timeline_says_which_key_verified_and_what_a_revision_changed(desk: Desk) -> None:
    """For people and as JSON."""
    desk.take("0xpay-main", [exchange("one", meta="before"), exchange("one", meta="after")])
    first, second = desk.lines("show", "one")
    assert (first["key"], second["key"]) == ("secrets.0", "secrets.0")
    assert ("changed" in first, second["changed"]) == (False, {"meta": {"was": "before", "now": "after"}})
    out, _ = desk.run("show", "one")
    assert "amended, meta: before → after" in out
    assert out.count("secrets.0") == 2
    desk.config.write_text(desk.config.read_text().replace('["env:OXPAY_PRIVATE_KEY"]', '["env:ONCHAINPAY_SECRET"]'))
    assert all(row["key"].startswith("none that is live") for row in desk.lines("show", "one"))
    desk.config.write_text(desk.config.read_text().replace("env:OXPAY_OLD_KEY", "env:OXPAY_PRIVATE_KEY"))
    assert [row["key"] for row in desk.lines("show", "one")] == ["retired_secrets.0", "retired_secrets.0"]


def test_what_was_simulated_is_said_of_each_arrival(filled: Desk) -> None:
    """Event, repetition, and what nobody could read; of what the provider sent it is not."""
    filled.take(
        "0xpay-main", [BODY, exchange("sim"), exchange("sim", status="Refunded")], NOW_S + 9, more=((SIMULATED, b"1"),)
    )
    out, _ = filled.run("show", "sim")
    assert ["simulated" in row for row in out.splitlines()[1:]] == [True, True]
    assert [row.get("simulated") for row in filled.lines("show", "sim")] == [True, True]
    rows = filled.lines("show", "one")
    assert [row.get("simulated") for row in rows] == [None] * 4 + [True]
    tail = filled.run("tail")[0].splitlines()
    assert [line.endswith(" simulated") for line in tail] == [False, False, True]


def test_a_late_replay_repeats_what_nobody_knows_any_more(desk: Desk) -> None:
    """Its content went, and that it was an event is all that is known."""
    desk.take("0xpay-main", [BODY])
    with hold_configured(open_configured(desk.config)) as held:
        outbox = held.journal.outbox(write=True)
        outbox.purge(None, "9999-01-01T00:00:00.000000Z", 100)
        outbox.close()
    desk.take("0xpay-main", [BODY])
    assert [(row["outcome"], row["record"]) for row in desk.lines("show", "one")] == [("event", 1), ("duplicate", None)]
    assert "repeats an event that was purged" in desk.run("show", "one")[0]


def test_what_is_not_there_is_exit_1(desk: Desk, filled: Desk) -> None:
    """An operation nobody told of."""
    assert filled is desk
    assert "nothing is known of an operation nobody" in desk.fails("show", "nobody")


def test_without_a_journal_it_says_so(desk: Desk) -> None:
    """And makes none."""
    for command in (("show", "one"), ("drift",), ("rejects", "list"), ("quarantine", "list"), ("export",)):
        assert "there is no journal" in desk.fails(*command)
    assert [path.name for path in desk.config.parent.iterdir()] == ["receiver.toml"]


def test_rejects_are_listed_and_explained(filled: Desk) -> None:
    """The newest first; a secret that is live no more is named by its place, and never shown."""
    source = oxpay_source("https://merchant.example.com/webhooks/0xpay-main", secrets=(b"made-up-before",))
    filled.refuse("0xpay-main", BODY, zeroxpay.PROVIDER.sign(BODY, source, NOW_S))
    filled.refuse("0xpay-main", b"12345", ())
    listed = filled.lines("rejects", "list")
    assert [(row["id"], row["body_bytes"]) for row in listed] == [(2, 5), (1, len(BODY))]
    assert len(filled.lines("rejects", "list", "--limit", "1")) == 1
    out, _ = filled.run("rejects", "explain", "1")
    assert "it matches a retired secret (retired_secrets.0)" in out
    assert "made-up-before" not in out
    (said,) = filled.lines("rejects", "explain", "2")
    assert said["explanation"] == ["a header that the provider signs with is missing"]
    assert "reject 3 is not in the sample" in filled.fails("rejects", "explain", "3")


def test_where_nothing_was_refused_yet_there_is_nothing_to_list(filled: Desk) -> None:
    """A journal without a sample is no fault: that is said, and a program reads no line. One callback of it is none."""
    assert filled.run("rejects", "list") == ("", "no refused callback is in the sample\n")
    assert filled.lines("rejects", "list") == []
    assert "there are no rejects in" in filled.fails("rejects", "explain", "1")


def test_a_sample_that_cannot_be_read_is_no_empty_one(filled: Desk) -> None:
    """It is named, with exit 1."""
    (filled.config.parent / "journal/rejects.db").write_bytes(b"no database" * 100)
    assert "rejects: file is not a database" in filled.fails("rejects", "list")


def test_drift_tells_of_fields_and_of_silence(filled: Desk) -> None:
    """Every configured source, also one that was never heard."""
    filled.take("0xpay-main", [exchange("two", odd=1)])
    field, spoke, silent = filled.lines("drift")
    assert (field["field"], spoke["source"], silent) == (
        "odd", "0xpay-main", {"source": "swaps", "last_callback": None, "silent_s": None},
    )  # fmt: skip
    assert spoke["silent_s"] > 0
    out, _ = filled.run("drift")
    assert "unknown fields" in out
    assert "swaps" in out


HOSTILE = "\x1b[2J[/x]\u202e"


def test_odd_names_and_ids_break_no_table(desk: Desk) -> None:
    """A field named as markup ends, an id that would clear the screen; for people and as JSON."""
    odd = exchange(HOSTILE, **{HOSTILE: 1, "[/x]": 2}, spendTicker=HOSTILE, meta=HOSTILE)
    desk.take("0xpay-main", [odd, exchange(HOSTILE, status=HOSTILE)])
    for command in (("drift",), ("show", HOSTILE), ("tail",), ("quarantine", "list"), ("quarantine", "show", "2")):
        out, err = desk.run(*command)
        assert not {"\x1b", "\u202e"} & set(out + err), command
        assert out
        for row in desk.lines(*command):
            assert row
    assert "[/x]" in desk.run("drift")[0]
    assert [row["operation_id"] for row in desk.lines("tail")] == [HOSTILE]
    said = desk.fails("show", "nobody\x1b")
    assert "\x1b" not in said


def test_junk_is_explained(desk: Desk) -> None:
    """However deep it nests."""
    source = oxpay_source("https://merchant.example.com/webhooks/0xpay-main", secrets=(b"another",))
    for body in (b"[" * 100_000, b'{"a":' * 50_000, b"9" * 5000):
        desk.refuse("0xpay-main", body, zeroxpay.PROVIDER.sign(body, source, NOW_S))
    for number in ("1", "2", "3"):
        assert "no other reading matches" in desk.run("rejects", "explain", number)[0]
