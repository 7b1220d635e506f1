"""Journals that older builds wrote, brought along by a service that callbacks are sent to all the while."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import tarfile
import threading
import time
from collections import Counter
from contextlib import closing
from typing import Any

import pytest

from receiver.journal.engines import find_journal
from tests.chaos.load import Ledger, Load
from tests.chaos.service import Service, until
from tests.journals.old_traffic import FORMATS, packed, still_to_come, told

RATE = 80.0
"""Operations begun in a second."""
NEW = 40
"""Operations that are begun at least."""
NOT_YET = {"ConnectError", "ReadError", "ReadTimeout", "RemoteProtocolError"}
"""What a caller sees of a service that is not there yet, or listens and is slow to start on a busy machine."""


class Callers:
    """An open load beside the test, as `tests.chaos` has it."""

    def __init__(self, service: Service) -> None:
        self.load = Load(service.url, RATE, seed=3)
        self._thread = threading.Thread(target=lambda: asyncio.run(self.load.run()))
        self._thread.start()

    def end(self) -> Ledger:
        """Wait until all that was begun was answered 200."""
        self.load.stop()
        self._thread.join()
        return self.load.ledger


@pytest.mark.parametrize("version", FORMATS)
def test_an_older_journal_is_brought_along_under_load(service: Service, version: int) -> None:
    """Nothing is refused, nothing lost; what the older build decided stands, and its operations go on from there."""
    before = unpack(service, version)
    callers = Callers(service)
    service.start()
    try:
        until(lambda: len(callers.load.ledger.owed) > NEW)
        for one in [*still_to_come(), *told()]:
            assert service.post(one.source, one.body, one.headers(int(time.time()))) == 200
    finally:
        ledger = callers.end()
    assert set(ledger.answers) - NOT_YET == {"200"}, ledger.answers
    time.sleep(1.1)  # what is said may be half a second old
    until(lambda: not (service.readyz() or {})["interpret"]["uninterpreted"])
    after = records(service)
    assert after[: len(before)] == before, "what it had decided is as it was, to the byte"
    events = [event for event in map(json.loads, after) if "event_id" in event]
    assert_each_once(events, ledger)
    assert_goes_on(events)
    assert [(one["reason"], one["source"]) for one in service.lines("quarantine", "list")] == [
        ("unknown_status", "swaps")
    ]
    checked = service.receiver("journal", "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert service.stop() == 0


def test_each_format_of_the_outbox_has_its_journal(service: Service) -> None:
    """Whoever makes a new format packs a journal of the one before."""
    for version in FORMATS:
        unpack(service, version)
        with closing(sqlite3.connect(service.folder / "journal" / "outbox.db")) as outbox:
            assert outbox.execute("SELECT value FROM meta WHERE key = 'format_version'").fetchall() == [(version,)]
    find_journal(f"sqlite:{service.folder}/journal").outbox().close()  # the newest is ours


@pytest.mark.parametrize("store", ["inbox", "outbox", "requests"])
def test_an_older_release_refuses_a_newer_journal_and_changes_nothing(service: Service, store: str) -> None:
    """With what to do about it: today's release is the older one of the next."""
    unpack(service, FORMATS[-1])
    path = service.folder / "journal" / f"{store}.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE meta SET value = value + 1 WHERE key = 'format_version'")
    kept = path.read_bytes()
    done = service.receiver("serve")
    assert done.returncode == 1
    assert f"{store}.db has format version" in done.stderr
    assert "go on with the release that wrote it, or restore a backup from before the upgrade" in done.stderr
    assert path.read_bytes() == kept


def unpack(service: Service, version: int) -> list[bytes]:
    """Put the older build's journal in the service's place; the values of its records, in order."""
    with tarfile.open(packed(version)) as archive:
        # The first releases of Python 3.11, such as Debian's, know no filters; later ones warn where none is named.
        filtered: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(service.folder, **filtered)  # noqa: S202  it is ours
    with closing(sqlite3.connect(service.folder / "journal" / "outbox.db")) as outbox:
        return [bytes(row[0]) for row in outbox.execute("SELECT value FROM records ORDER BY number")]


def records(service: Service) -> list[bytes]:
    """The values of all records in the outbox, in order, as today's release reads them."""
    with closing(find_journal(f"sqlite:{service.folder}/journal").outbox()) as outbox:
        return [record.value for record in outbox.read(0, 100_000)]


def assert_each_once(events: list[dict[str, Any]], ledger: Ledger) -> None:
    """Each thing that a provider said, before and after, is one event."""
    said = Counter((key_of(event), event["provider_status"]) for event in events)
    owed = {(one.key, one.provider_status) for one in (*told(), *still_to_come(), *ledger.owed.values())}
    assert dict(said) == dict.fromkeys(owed, 1)


def assert_goes_on(events: list[dict[str, Any]]) -> None:
    """An operation that the older build knew has its sequence without a gap, and its words in order."""
    for key in {one.key for one in told()}:
        words = [one.provider_status for one in told()[:-1] + still_to_come() if one.key == key]
        its = [event for event in events if key_of(event) == key]
        assert [event["provider_status"] for event in its] == words
        assert [event["sequence"] for event in its] == list(range(1, len(words) + 1))


def key_of(event: dict[str, Any]) -> str:
    """The key of its records."""
    return f"{event['provider']}:{event['account']}:{event['kind']}:{event['operation_id']}"
