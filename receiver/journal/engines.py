"""Which engine keeps a journal, by the scheme of ``journal.url``: the only place that names one.

``sqlite:FOLDER`` is the embedded default, ``postgresql://…`` a database that several processes and machines may share.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from receiver.journal.handle import Journal
from receiver.journal.options import NO_OPTIONS, EngineOptions
from receiver.journal.ports import Runs
from receiver.journal.postgres import address as postgres
from receiver.journal.sealed import NO_KEYS, Keyring
from receiver.journal.slots import HeldSlot
from receiver.journal.sqlite import private
from receiver.journal.sqlite.folder import acquire_journal
from receiver.journal.sqlite.journal import SqliteJournal, journal_in, open_journal
from receiver.journal.sqlite.runs import FileRuns
from receiver.model.errors import JournalBusy, JournalError

URL_PATTERN = r"^(sqlite:.+|postgresql://.+)"
"""What ``journal.url`` may be."""
SCHEMA_PATTERN = postgres.SCHEMA_PATTERN
"""What the schema of a journal in a database may be called."""
LOCK_WAIT_S = 10.0
"""The children of a service that was just killed need a moment to end."""
SAY_WAITING_S = 1.0
"""Of waiting without a word: those children mostly take less."""
RETRY_S = 0.1


@contextmanager
def hold_journal(
    url: str,
    wait_s: float = LOCK_WAIT_S,
    keys: Keyring = NO_KEYS,
    waiting: Callable[[str], None] = lambda _: None,
    options: EngineOptions = NO_OPTIONS,
) -> Iterator[tuple[Journal, int | None]]:
    """Lock, make or check the journal; gives it and the lock's descriptor for children to inherit.

    A database has no descriptor: there it is the journal's slot 0 that is held, by a lease that is kept up for the
    body, and the tables must be there. ``waiting`` is told, once, where another service has held it for
    ``SAY_WAITING_S`` and this goes on waiting. Raises ``JournalBusy`` when it is held for longer than ``wait_s``,
    ``JournalError``, ``StoreFailed``.
    """
    if is_server(url):
        from receiver.journal.postgres.holding import hold  # noqa: PLC0415  the driver is an extra

        with hold(_address(url, options), wait_s, keys, waiting) as held:
            yield held, None
        return
    folder = _folder(url)
    private.make_folder(folder)
    began_s = time.monotonic()
    said = False
    while True:
        try:
            descriptors = acquire_journal(folder)
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
            yield open_journal(folder, keys), descriptors[0]
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        return


def init_journal(
    url: str, keys: Keyring = NO_KEYS, options: EngineOptions = NO_OPTIONS, slots: int = 1, allow: str | None = None
) -> list[str]:
    """Make the journal, or bring it to today's format; safe to repeat. Gives what became of it, for people.

    Only a database has more than one of ``slots``, and a role to ``allow``. Raises ``JournalBusy`` where a service runs
    on one in a folder, ``JournalError``, ``StoreFailed``.
    """
    if is_server(url):
        from receiver.journal.postgres.schema import init, told  # noqa: PLC0415  the driver is an extra

        return told(init(_address(url, options), slots, allow))
    if slots != 1 or allow is not None:
        raise JournalError("a journal in a folder has one slot, and no roles: --slots and --allow are for PostgreSQL")
    with hold_journal(url, 0, keys) as (journal, _):
        return [f"the journal {journal.journal_id} is in {location(url)}"]


def is_held(url: str, options: EngineOptions = NO_OPTIONS) -> bool:
    """Whether a service runs on the journal, or a command that must be alone with it; False where there is none."""
    if not there_is_a_journal(url, options):
        return False
    if is_server(url):
        from receiver.journal.postgres.holding import held_by_anyone  # noqa: PLC0415  the driver is an extra

        return held_by_anyone(_address(url, options))
    try:
        for descriptor in acquire_journal(_folder(url)):
            os.close(descriptor)
    except JournalBusy:
        return True
    return False


def find_journal(url: str, keys: Keyring = NO_KEYS, options: EngineOptions = NO_OPTIONS) -> Journal:
    """The journal that is there, held or not; raises ``JournalError`` where there is none yet. Changes nothing."""
    if is_server(url):
        from receiver.journal.postgres.journal import find_journal as find  # noqa: PLC0415  the driver is an extra

        return find(_address(url, options), keys)
    return journal_in(_folder(url), keys)


def share_journal(url: str, keys: Keyring = NO_KEYS, options: EngineOptions = NO_OPTIONS) -> Journal:
    """The journal on a server, checked as for a service that starts, which holds slots of it one by one.

    Raises ``JournalError``, also where the URL names a folder, which only one service can have; ``StoreFailed``.
    """
    if not is_server(url):
        raise JournalError(f"the journal {location(url)} is in a folder, and only one service can have it")
    from receiver.journal.postgres.holding import checked  # noqa: PLC0415  the driver is an extra

    return checked(_address(url, options), keys)


def held_journal(
    url: str,
    journal_id: str,
    keys: Keyring = NO_KEYS,
    options: EngineOptions = NO_OPTIONS,
    slot: HeldSlot | None = None,
) -> Journal:
    """The journal that this process's supervisor holds and has checked, or one slot of it."""
    if is_server(url):
        from receiver.journal.postgres.journal import PostgresJournal  # noqa: PLC0415  the driver is an extra

        return PostgresJournal(_address(url, options), journal_id, keys, slot)
    return SqliteJournal(_folder(url), journal_id, keys)


def there_is_a_journal(url: str, options: EngineOptions = NO_OPTIONS) -> bool:
    """Whether ``find_journal`` would find one."""
    if is_server(url):
        from receiver.journal.postgres.journal import is_there  # noqa: PLC0415  the driver is an extra

        return is_there(_address(url, options))
    return (_folder(url) / "outbox.db").exists()


def open_runs(url: str, options: EngineOptions = NO_OPTIONS) -> Runs:
    """How far runs of replay came; there need be no journal, but for one on a server, which keeps them itself."""
    if is_server(url):
        from receiver.journal.postgres.runs import PostgresRuns  # noqa: PLC0415  the driver is an extra

        return PostgresRuns(_address(url, options))
    return FileRuns(_folder(url).parent / "replay")


def folder_of_others(url: str) -> str | None:
    """A sentence for people where the journal lies in a folder that is not ours; else None."""
    return None if is_server(url) else private.folder_of_others(_folder(url))


def location(url: str) -> str:
    """Where it is, for people."""
    return url if is_server(url) else str(_folder(url))


def is_server(url: str) -> bool:
    """Whether the journal is on a database server, and in no folder of ours."""
    return url.startswith(postgres.SCHEME)


def why_no_url(url: str) -> str | None:
    """Why no journal can be at this URL, as the end of a sentence; None where one can."""
    if is_server(url):
        return postgres.why_no_address(url)
    return "holds a zero, which no path can" if "\0" in url else None


def _address(url: str, options: EngineOptions) -> postgres.Address:
    if find_spec("asyncpg") is None:
        raise JournalError(
            "a journal on PostgreSQL needs one more package: pip install 'exchange-webhook-receiver[postgres]'"
        )
    try:
        return postgres.Address.of(url, options)
    except ValueError as error:
        raise JournalError(f"journal.url {error}") from None


def _folder(url: str) -> Path:
    return Path(url.removeprefix("sqlite:"))
