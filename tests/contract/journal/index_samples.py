"""What the suites of the index put into journals, and how they ask."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import orjson

from receiver.journal.handle import Journal
from receiver.journal.index import EventPage, Found, Wanted
from receiver.model.callback import EntryId
from receiver.model.records import OutboxRecord
from tests.contract.journal.samples import event, quarantine_record

HASH = "0xAbCdEf0123456789aBcDeF0123456789abcdef0123456789abcdef0123456789"
ADDRESS = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"
CARD = "411111******1111"
COLUMNS = ("status", "kind", "source", "family", "effective", "day", "record_id", "callback", "received_at")


def told(number: int, operation: str = "a", **said: Any) -> OutboxRecord:
    """An event that says something."""
    columns = {name: said.pop(name) for name in COLUMNS if name in said}
    return event(number, operation, value=orjson.dumps(said), **columns)


def unread(number: int, reason: str = "schema", detail: str = "id", **columns: Any) -> OutboxRecord:
    """A quarantine record of the callback with the same number."""
    return quarantine_record(number, value=orjson.dumps({"reason": reason, "detail": detail}), **columns)


def payment(number: int = 1) -> OutboxRecord:
    """An event with all that a person could have of it."""
    return told(
        number,
        "Op-4711-Xyz",
        reference="order 77",
        transaction_hash=HASH,
        payout={"destination": ADDRESS},
        anomalies=["late"],
    )


def masked(body: bytes) -> bytes:
    """A body as the index may see it."""
    return body.replace(b"4111111111111111", CARD.encode())


def make(journal: Journal) -> None:
    """Index all there is."""
    with closing(journal.index_writer(masked)) as writer:
        while writer.step():
            pass


def find(journal: Journal, text: str) -> Found:
    """What stands for a text."""
    with closing(journal.index()) as index:
        return index.find(text)


def names(found: Found) -> dict[str, list[str]]:
    """What was found, by its kind; kinds without a hit are left out."""
    kinds = ("operations", "events", "callbacks", "quarantine", "rejects")
    return {kind: [hit.name for hit in getattr(found, kind)] for kind in kinds if getattr(found, kind)}


def listed(journal: Journal, wanted: Wanted = Wanted(), **page: Any) -> EventPage:  # noqa: B008  a value
    """One page."""
    with closing(journal.index()) as index:
        return index.events(wanted, **page)


def numbers(page: EventPage) -> list[int]:
    """The numbers on a page, as they stand there."""
    return [record.number for record in page.records]


def poll(number: int) -> EntryId:
    """An answer of an API."""
    return EntryId("requests", number)
