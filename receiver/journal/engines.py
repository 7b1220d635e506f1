"""Which engine keeps a journal, by the scheme of ``journal.url``: the only place that names one.

``sqlite:FOLDER`` is the embedded default.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from receiver.journal.handle import Journal
from receiver.journal.ports import Runs
from receiver.journal.sealed import NO_KEYS, Keyring
from receiver.journal.sqlite import private
from receiver.journal.sqlite.folder import acquire
from receiver.journal.sqlite.journal import SqliteJournal, journal_in, open_journal
from receiver.journal.sqlite.runs import FileRuns
from receiver.model.errors import JournalBusy

URL_PATTERN = r"^sqlite:.+"
"""What ``journal.url`` may be."""
LOCK_WAIT_S = 10.0
"""The children of a service that was just killed need a moment to end."""
SAY_WAITING_S = 1.0
"""Of waiting without a word: those children mostly take less."""
RETRY_S = 0.1


@contextmanager
def hold_journal(
    url: str, wait_s: float = LOCK_WAIT_S, keys: Keyring = NO_KEYS, waiting: Callable[[str], None] = lambda _: None
) -> Iterator[tuple[Journal, int]]:
    """Lock, make or check the journal; gives it and the lock's descriptor for children to inherit.

    ``waiting`` is told, once, where another service has held it for ``SAY_WAITING_S`` and this goes on waiting. Raises
    ``JournalBusy`` when it is held for longer than ``wait_s``, ``JournalError``, ``StoreFailed``.
    """
    folder = _folder(url)
    private.make_folder(folder)
    began_s = time.monotonic()
    said = False
    while True:
        try:
            descriptor = acquire(folder, "journal")
        except JournalBusy as busy:
            waited_s = time.monotonic() - began_s
            if waited_s > wait_s:
                raise
            if waited_s > SAY_WAITING_S and not said:
                said = True
                waiting(f"{busy}; waiting up to {wait_s:.0f} s for it to end")
            time.sleep(RETRY_S)
            continue
        try:
            yield open_journal(folder, keys), descriptor
        finally:
            os.close(descriptor)
        return


def is_held(url: str) -> bool:
    """Whether a service runs on the journal, or a command that must be alone with it; False where there is none."""
    if not there_is_a_journal(url):
        return False
    try:
        os.close(acquire(_folder(url), "journal"))
    except JournalBusy:
        return True
    return False


def find_journal(url: str, keys: Keyring = NO_KEYS) -> Journal:
    """The journal that is there, held or not; raises ``JournalError`` where there is none yet. Changes nothing."""
    return journal_in(_folder(url), keys)


def held_journal(url: str, journal_id: str, keys: Keyring = NO_KEYS) -> Journal:
    """The journal that this process's supervisor holds and has checked."""
    return SqliteJournal(_folder(url), journal_id, keys)


def there_is_a_journal(url: str) -> bool:
    """Whether ``find_journal`` would find one."""
    return (_folder(url) / "outbox.db").exists()


def open_runs(url: str) -> Runs:
    """How far runs of replay came; there need be no journal."""
    return FileRuns(_folder(url).parent / "replay")


def folder_of_others(url: str) -> str | None:
    """A sentence for people where the journal lies in a folder that is not ours; else None."""
    return private.folder_of_others(_folder(url))


def location(url: str) -> str:
    """Where it is, for people."""
    return str(_folder(url))


def _folder(url: str) -> Path:
    return Path(url.removeprefix("sqlite:"))
