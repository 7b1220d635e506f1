"""Importing: every line is looked at before the first is kept, and what is there already is a duplicate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from receiver.journal.engines import hold_journal
from receiver.journal.handle import Journal
from receiver.model.errors import ReceiverError
from receiver.operate import import_callbacks as importing
from receiver.operate.export_callbacks import export
from receiver.operate.import_callbacks import Checked, import_callbacks, read_and_check
from receiver.operate.selection import Filter
from receiver.providers.contract import Sources
from tests.operate.desk import context_of, exchange
from tests.postgres_cluster import new_journal
from tests.support import Way, oxpay_source

NOTHING = Checked([], 0)


async def exported(*bodies: bytes, unmasked: bool = True) -> str:
    """What another receiver wrote."""
    way = Way()
    await way.events("0xpay-main", bodies)
    return b"\n".join(export(context_of(way), Filter(), unmasked=unmasked)).decode()


def checked(text: str, sources: Sources, *, trust: bool = False) -> Checked:
    """Read it as of now."""
    return read_and_check(sources, text, None, 0, trust=trust)


async def test_what_verifies_as_of_its_receipt_is_taken_and_becomes_events() -> None:
    """With its time of receipt; it counts as published, and what follows is published as ever."""
    way = Way()
    text = await exported(exchange("one", status="Pending"), exchange("one"), b"junk")
    way.clock.advance(86_400)
    advanced: list[int] = []
    found = checked(text, way.rules.sources)
    assert (len(found.callbacks), found.unverified) == (3, 0)
    became = await import_callbacks(context_of(way), found, publish=False, advance=advanced.append)
    assert became == {"event": 2, "quarantine": 1}
    assert advanced == [3]
    assert [record.publish for record in way.outbox.records] == [False, False, False]
    assert way.outbox.records[0].received_at == "2024-05-27T08:55:30.000000Z"
    assert await import_callbacks(context_of(way), checked(text, way.rules.sources), publish=True, advance=print) == {
        "duplicate": 2, "quarantine": 1,
    }  # fmt: skip


async def test_what_waits_in_the_inbox_is_interpreted_and_published_first() -> None:
    """It came to this journal by itself, and is none of what is imported."""
    way = Way()
    await way.deliver("0xpay-main", exchange("waiting"))
    text = await exported(exchange("one"))
    became = await import_callbacks(context_of(way), checked(text, way.rules.sources), publish=False, advance=print)
    assert became == {"event": 1}
    assert [(record.operation_id, record.publish) for record in way.outbox.records] == [
        ("waiting", True),
        ("one", False),
    ]


async def test_many_are_taken_step_by_step_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """And each is counted."""
    monkeypatch.setattr(importing, "STEP", 2)
    way, advanced = Way(), list[int]()
    text = await exported(*(exchange(f"o{number}") for number in range(5)))
    became = await import_callbacks(
        context_of(way), checked(text, way.rules.sources), publish=True, advance=advanced.append
    )
    assert (became, advanced) == ({"event": 5}, [2, 2, 1])
    assert [record.operation_id for record in way.outbox.records] == [f"o{number}" for number in range(5)]


async def test_what_cannot_be_verified_needs_trust() -> None:
    """A secret of another account, or no signature in a masked export; the first is named by its number."""
    way = Way()
    foreign = {"0xpay-main": (way.rules.sources["0xpay-main"][0], oxpay_source(secrets=(b"another",)))}
    text = await exported(exchange("one"), exchange("two"))
    with pytest.raises(ReceiverError, match=r"2 of 2 callbacks cannot be verified, the first is number 1 .*--trust"):
        checked(text, foreign)
    assert checked(text, foreign, trust=True).unverified == 2
    masked = await exported(exchange("one"), exchange("two", to="4400000000000008"), unmasked=False)
    with pytest.raises(ReceiverError, match="2 of 2 callbacks cannot be verified, the first is number 1"):
        checked(masked, way.rules.sources)
    some = text.split("\n")[0] + "\n" + masked.split("\n")[1]
    with pytest.raises(ReceiverError, match="1 of 2 callbacks cannot be verified, the first is number 2"):
        checked(some, way.rules.sources)


async def test_a_source_that_is_not_configured_is_refused_whatever_is_trusted() -> None:
    """Nobody could say what its callbacks mean."""
    text = await exported(exchange("one"))
    with pytest.raises(ReceiverError, match="these sources are not configured here: 0xpay-main"):
        checked(text, {}, trust=True)
    assert checked("", {}) == NOTHING


@pytest.fixture
def journals(tmp_path: Path) -> Iterator[list[Journal]]:
    """One in a folder, one in a database, and another one in a folder."""
    with ExitStack() as stack:
        url, options = stack.enter_context(new_journal(keep_sessions=True))
        folders = [f"sqlite:{tmp_path}/{name}" for name in ("one", "two")]
        first, third = (stack.enter_context(hold_journal(folder))[0] for folder in folders)
        yield [first, stack.enter_context(hold_journal(url, options=options))[0], third]


def events_of(journal: Journal) -> list[Any]:
    """All that its events say, but for the numbers of their callbacks."""
    with closing(journal.outbox()) as outbox:
        return [replace(record, callback=None) for record in outbox.read(0, 1000)]


def _itself(journal: Journal) -> Journal:
    return journal


async def test_a_journal_goes_from_one_engine_to_another_and_back(journals: list[Journal]) -> None:
    """By an export and an import: the same events, one after the other, whatever the numbers of callbacks."""
    way = Way()
    bodies = [
        exchange(f"o{at % 7}", status=word) for word in ("Pending", "Exchanged", "Done", "Pending") for at in range(20)
    ]
    text = await exported(*bodies)
    for journal in journals:
        context = replace(context_of(way), open_journal=partial(_itself, journal))
        became = await import_callbacks(context, checked(text, way.rules.sources), publish=True, advance=print)
        assert became.total() == len(bodies)
        text = b"\n".join(export(context, Filter(), unmasked=True)).decode()
    first, *others = map(events_of, journals)
    assert len(first) == 3 * 7
    assert others == [first, first]
    assert [journal.check() for journal in journals] == [[], [], []]
