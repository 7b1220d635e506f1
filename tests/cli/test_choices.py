"""Words that mean nothing are refused with those that do, in every command that filters; times are of one kind."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click
import pytest

from receiver.cli.choices import (
    ANOMALY,
    FAMILY,
    KIND,
    OBSERVED_VIA,
    PROVIDER,
    SOURCE,
    STATUS,
    Amount,
    Finite,
    Time,
    YesOrNo,
    configured_names,
)
from tests.cli.desk import Desk
from tests.operate.desk import exchange

TYPO = "compleeted"


@pytest.fixture
def filled(desk: Desk) -> Desk:
    """With an event."""
    desk.take("0xpay-main", [exchange("one")])
    return desk


@pytest.mark.parametrize(
    ("option", "word"),
    [
        ("--status", "completed"),
        ("--provider", "0xpay"),
        ("--family", "payout"),
        ("--kind", "auto_swap"),
        ("--anomaly", "late"),
        ("--observed-via", "webhook"),
    ],
)
@pytest.mark.parametrize(
    "command", [("replay", "--to", "stdout"), ("export",), ("tail",)], ids=lambda command: command[0]
)
def test_a_word_that_means_nothing_is_refused_with_those_that_do(
    filled: Desk, command: tuple[str, ...], option: str, word: str
) -> None:
    """And is never an empty result."""
    said = filled.fails(*command, option, TYPO, code=2)
    assert f"{TYPO!r} is not one of" in said
    assert word in said
    filled.run(*command, option, word)


@pytest.mark.parametrize(
    ("option", "wrong", "said"),
    [
        ("--effective", "true", "'true' is neither yes nor no"),
        ("--amount", "1,5", "'1,5' is no amount: digits, with a point before the fraction, as 8123.25"),
        ("--amount", "", "'' is no amount"),
    ],
)
def test_so_is_what_is_neither_yes_nor_no_and_what_is_no_amount(
    filled: Desk, option: str, wrong: str, said: str
) -> None:
    """With what to write."""
    assert said in filled.fails("tail", option, wrong, code=2)


def test_an_amount_is_typed_as_people_write_it() -> None:
    """With what stands between thousands."""
    assert Amount().convert("8 123.25", None, None) == "8123.25"
    assert Amount().convert("-1'000", None, None) == "-1000"


@pytest.mark.parametrize(
    "command",
    [("replay", "--to", "stdout"), ("export",), ("quarantine", "list"), ("quarantine", "redrive")],
    ids=" ".join,
)
def test_so_is_a_source_that_nobody_knows(filled: Desk, command: tuple[str, ...]) -> None:
    """One that was heard of and is configured no more still has its callbacks."""
    assert f"--source: {TYPO!r} is not one of 0xpay-main, swaps" in filled.fails(*command, "--source", TYPO, code=2)
    filled.config.write_text(filled.config.read_text().replace('"0xpay-main"', '"renamed"'))
    filled.run(*command, "--source", "0xpay-main")
    said = filled.fails(*command, "--source", TYPO, code=2)
    assert f"--source: {TYPO!r} is not one of renamed, swaps, 0xpay-main" in said


@pytest.mark.parametrize(
    "time",
    [
        *("yesterday", "2024-05-27T08:55:30", "2 h", "h", "1y"),
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),  # in years 0 and 10000 of UTC
    ],
)
def test_a_time_is_of_one_kind_everywhere(filled: Desk, time: str) -> None:
    """Also where quarantined callbacks are chosen."""
    for command in (("quarantine", "list"), ("export",)):
        said = filled.fails(*command, "--since", time, code=2)
        assert "is no RFC 3339 time with a zone, as 2024-05-27T08:55:30Z, nor how long ago" in said


def test_how_long_ago_is_counted_from_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """In seconds, minutes, hours, days and weeks; not before the beginning of Unix time."""
    monkeypatch.setattr(time, "time_ns", lambda: 10**18)
    units = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
    for unit, seconds in units.items():
        assert Time().convert(f"2{unit}", None, None) == 10**15 - 2 * seconds * 1_000_000
    assert Time().convert("999999999w", None, None) == 0
    assert Time().convert(7, None, None) == 7


def test_quarantined_callbacks_are_chosen_by_time(filled: Desk) -> None:
    """Whatever the zone and however many digits."""
    filled.take("0xpay-main", [b"junk"])
    (row,) = filled.lines("quarantine", "list")
    at = row["received_at"]
    assert len(filled.lines("quarantine", "list", "--since", at.replace("Z", "+00:00"))) == 1
    assert filled.lines("quarantine", "list", "--until", at) == []


def test_completion_offers_words_that_begin_so(filled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources from the configuration; none, and no failure, where that cannot be read."""
    ctx = click.Context(click.Command("c"))
    parameter = click.Option(["--x"])

    def offered(kind: click.ParamType[Any], begun: str) -> list[str]:
        return [item.value for item in kind.shell_complete(ctx, parameter, begun)]

    assert offered(STATUS, "comp") == ["completed"]
    assert offered(FAMILY, "") == ["exchange", "payout", "deposit", "invoice"]
    assert offered(ANOMALY, "la") == ["late"]
    assert offered(OBSERVED_VIA, "") == ["webhook", "poll"]
    assert offered(YesOrNo(), "y") == ["yes"]
    assert offered(PROVIDER, "0x") == ["0xpay"]
    assert "auto_swap" in offered(KIND, "auto")
    monkeypatch.setenv("RECEIVER_CONFIG", str(filled.config))
    assert offered(SOURCE, "s") == ["swaps"]
    for broken in ("[[sources", "sources = 5"):
        filled.config.write_text(broken)
        assert configured_names(ctx) == []


def test_a_named_configuration_is_completed_from(filled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the command itself will read it."""
    monkeypatch.chdir(Path(__file__).parent)
    ctx = click.Context(click.Command("c"))
    ctx.params = {"config": filled.config}
    assert configured_names(ctx) == ["0xpay-main", "swaps"]


@pytest.mark.parametrize("number", ["nan", "inf", "1e999"])
def test_what_is_no_number_lies_in_no_range(number: str) -> None:
    """``nan`` is neither below the least nor above the most."""
    with pytest.raises(click.BadParameter, match="is no number"):
        Finite(0.1).convert(number, None, None)
    assert Finite(0.1).convert("2.5", None, None) == 2.5
