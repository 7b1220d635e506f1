"""A sealed journal under a whole service that is killed: nothing is lost, nothing can be read, its key is exchanged."""

from __future__ import annotations

import http.client
import signal
import threading
from functools import partial
from pathlib import Path

from receiver.journal.engines import find_journal
from receiver.journal.sealed import Keyring, read_key
from tests.chaos.service import Service, until

ONE, TWO = bytes(range(32)).hex(), bytes(range(64, 96)).hex()
KILLS = 4


def swap(number: int) -> dict[str, object]:
    """A body with an id that nothing else has."""
    return {"id": f"of-a-person-{number}", "organizationId": "o", "status": "PROCESSED", "note": "a-persons-word"}


def more(answered: list[int], before: int) -> bool:
    """Whether it has gone on."""
    return len(answered) > before + 2


def send(service: Service, answered: list[int], stop: threading.Event) -> None:
    """Callbacks one after the other, each until it is answered 200."""
    number = 0
    while not stop.is_set():
        number += 1
        try:
            if service.post_swap(swap(number)) == 200:
                answered.append(number)
        except (OSError, http.client.HTTPException):
            continue  # killed meanwhile: it was not answered


def all_started_again(service: Service) -> bool:
    """Whether each death was noticed, and two processes are there again."""
    log = service.log.read_text()
    died = log.count('"serve.child_died"')
    return died == KILLS and log.count('"serve.child_started"') >= died + 2


def test_kills_under_load_lose_nothing_that_was_answered(service: Service, tmp_path: Path) -> None:
    """And a rotated key is taken on SIGHUP, wraps all, and is then enough."""
    keys = [tmp_path / "first", tmp_path / "second"]
    keys[0].write_text(ONE)
    keys[1].write_text(TWO)
    text = service.config.read_text()
    assert "[journal]" in text
    service.config.write_text(text.replace("[journal]", f'[journal]\nkeys = ["file:{keys[0]}", "file:{keys[1]}"]', 1))
    service.start()
    service.wait_ready()
    answered: list[int] = []
    stop = threading.Event()
    sender = threading.Thread(target=send, args=(service, answered, stop))
    sender.start()
    for kill in range(KILLS):
        before = len(answered)
        until(partial(more, answered, before))
        assert service.kill("intake" if kill % 2 else "interpret")
    before = len(answered)
    until(partial(more, answered, before))
    stop.set()
    sender.join()
    until(partial(all_started_again, service))  # one that is not there is told nothing: it reads the keys at its start
    keys[0].write_text(TWO)
    keys[1].write_text(ONE)
    assert service.process is not None
    service.process.send_signal(signal.SIGHUP)
    until(lambda: service.log.read_text().count("serve.reloaded") >= 2)
    assert service.post_swap(swap(0)) == 200
    assert service.receiver("journal", "rekey").returncode == 0
    assert service.receiver("journal", "check").returncode == 0
    assert service.stop() == 0
    journal = find_journal(f"sqlite:{service.folder}/journal", Keyring([read_key(TWO.encode())]))
    inbox = journal.inbox()
    kept = b"".join(entry.callback.body for entry in inbox.read(0, 100_000))
    inbox.close()
    assert all(f'"of-a-person-{number}"'.encode() in kept for number in (0, *answered))
    assert b"a-persons-word" in kept
    assert not [
        path.name
        for path in (service.folder / "journal").iterdir()
        if path.is_file() and b"a-persons-word" in path.read_bytes()
    ]
