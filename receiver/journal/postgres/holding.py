"""Holding a journal in a database as one that is in a folder is held: its slot 0, by a lease that is kept up.

For a service that is one machine's, and for commands that must be alone with the journal. What keeps two of them from
doing harm is the slot's epoch, which every commit compares; the lease only says who tries.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace

from receiver.journal.postgres import audit, schema
from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.journal import PostgresJournal
from receiver.journal.postgres.seals import need_keys
from receiver.journal.postgres.slots import PostgresSlots
from receiver.journal.sealed import Keyring
from receiver.journal.slots import HeldSlot
from receiver.model.errors import JournalBusy, JournalError, StoreFailed

RETRY_S = 0.1
SAY_WAITING_S = 1.0
RENEWALS = 5
"""Within one lease, so that a few may fail."""


def checked(address: Address, ring: Keyring) -> PostgresJournal:
    """The journal that is there, of which nothing is held; raises as ``hold`` does, but for ``JournalBusy``."""
    with closing(Database(address, "start", timeout_s=None)) as database:
        schema.check_server(database, replicated=address.options.replicated)
        journal_id = schema.find(database)
        need_keys(database, ring)
        audit.check_fit(database, ring)
    return PostgresJournal(address, journal_id, ring)


@contextmanager
def hold(address: Address, wait_s: float, ring: Keyring, waiting: Callable[[str], None]) -> Iterator[PostgresJournal]:
    """Hold slot 0 of the journal that is there for the body; raises ``JournalBusy`` where another has it.

    After a service that was killed it is free once the lease has run out. Raises ``JournalError`` where there is no
    journal, or the server would forget what it was given, ``StoreFailed``.
    """
    journal = checked(address, ring)
    holder = str(uuid.uuid4())
    with closing(PostgresSlots(address)) as slots:
        held = _take(slots, holder, address.options.lease_s, wait_s, waiting)
        stop = threading.Event()
        keeper = threading.Thread(target=_keep, args=(address, holder, held, stop), name="lease", daemon=True)
        keeper.start()
        try:
            yield replace(journal, held=held)
        finally:
            stop.set()
            keeper.join()
            with suppress(StoreFailed, JournalError):  # the lease runs out by itself, and what was done is done
                slots.give_up(holder, held)


def held_by_anyone(address: Address) -> bool:
    """Whether slot 0 is in somebody's hands who is alive."""
    with closing(PostgresSlots(address)) as slots:
        age_s = slots.states()[0].lease_age_s
        return age_s is not None and abs(age_s) <= address.options.lease_s


def _take(slots: PostgresSlots, holder: str, lease_s: float, wait_s: float, waiting: Callable[[str], None]) -> HeldSlot:
    others = [state.slot for state in slots.states() if state.slot]
    began_s = time.monotonic()
    said = False
    while True:
        held = slots.take(holder, lease_s, others)
        if held is not None:
            return held
        busy = "another receiver holds slot 0 of the journal in the database"
        waited_s = time.monotonic() - began_s
        if waited_s > wait_s:
            raise JournalBusy(busy)
        if waited_s > SAY_WAITING_S and not said:
            said = True
            waiting(f"{busy}; waiting up to {wait_s:.0f} s for it to end")
        time.sleep(RETRY_S)


def _keep(address: Address, holder: str, held: HeldSlot, stop: threading.Event) -> None:
    # What fails is tried again; where the slot is lost, the next commit says so.
    with closing(PostgresSlots(address)) as slots:
        while not stop.wait(address.options.lease_s / RENEWALS):
            try:
                if not slots.renew(holder, held):
                    return
            except (StoreFailed, JournalError):
                continue
