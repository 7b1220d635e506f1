"""``receiver replay``: what goes together, a preview first, and a yes before anything is sent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from receiver.providers.contract import Source
from receiver.providers.zeroxpay import callbacks as zeroxpay
from receiver.service.config.sources import resolve_sources
from tests.cli.desk import Desk
from tests.operate.desk import exchange


@pytest.fixture
def filled(desk: Desk) -> Desk:
    """With two events."""
    desk.take("0xpay-main", [exchange("one"), exchange("two", status="Pending")])
    return desk


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ((), "--to http URL, --to kafka --topic TOPIC, or --to stdout; or --reprocess"),
        (("--to", "http"), "--to http needs a URL"),
        (("--to", "http", "http://127.0.0.1:1", "--from", "kafka"), "Kafka holds events, not callbacks"),
        (("--to", "kafka"), "--to kafka needs --topic"),
        (("--to", "kafka", "--topic", "t", "--from", "file"), "a file holds callbacks, not events"),
        (("--to", "stdout", "--from", "file"), "a file is sent by --to http alone"),
        (("--to", "stdout", "--from", "kafka", "--raw"), "--raw shows those of a journal"),
        (("--reprocess", "--from", "kafka"), "--reprocess reads the callbacks of this journal"),
        (
            ("--to", "http", "http://127.0.0.1:1", "--from", "file", "--status", "failed"),
            "nobody has interpreted the callbacks of a file",
        ),
        (("--to", "http", "http://127.0.0.1:1", "--speed", "5x"), "'5x' is not one of"),
    ],
)
def test_what_does_not_go_together_is_wrong_use(desk: Desk, command: tuple[str, ...], says: str) -> None:
    """Said before a journal is looked for."""
    assert says in desk.fails("replay", *command, code=2)


def test_only_this_machine_is_sent_to_unless_it_is_said_otherwise(filled: Desk) -> None:
    """A typing error sends a day's callbacks to nobody."""
    assert "--i-own-this-host" in filled.fails("replay", "--to", "http", "https://shop.example.com/")


def test_a_dry_run_counts_and_shows(filled: Desk) -> None:
    """By what they are; nothing is sent."""
    out, err = filled.run("replay", "--to", "http", "http://127.0.0.1:1/", "--dry-run")
    assert err == "2 chosen\n"
    assert "exchange completed" in out
    _, err = filled.run("replay", "--to", "http", "http://127.0.0.1:1/", "--operation", "nobody")
    assert err == "0 chosen: nothing to do\n"


def otherwise(payload: Any, source: Source) -> Any:
    """Today's release reads one exchange in another way."""
    facts = zeroxpay.normalise(payload, source)
    return replace(facts, meta="read otherwise") if payload.body.id == "one" else facts


def test_reprocessing_shows_what_differs_and_asks_a_service_for_it(
    filled: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same code nothing does."""
    assert filled.run("replay", "--reprocess")[1] == "0 events would differ\n"

    def grown(*arguments: Any) -> Any:
        sources = dict(resolve_sources(*arguments))
        provider, source = sources["0xpay-main"]
        return sources | {"0xpay-main": (replace(provider, normalise=otherwise), source)}

    monkeypatch.setattr("receiver.service.wiring.resolve_sources", grown)
    out, err = filled.run("replay", "--reprocess", "--dry-run")
    assert '"differences":{"meta":{"published":"order-10482","now":"read otherwise"}}' in out
    assert err == "1 events would differ\n"
    assert "request 1: it will be carried out once" in filled.run("replay", "--reprocess", "--yes")[1]
