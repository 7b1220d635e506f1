"""Making a journal's tables and bringing them to today's format: forward only, by hand, never by a service that starts.

So that of several machines none is surprised: a release refuses a format above its own, and says of a lower one what
brings it up. Each migration is one transaction, together with the note that it was made.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connection import Database, no_journal
from receiver.journal.postgres.parts import PostgresParts
from receiver.journal.postgres.statements import migrations, named_queries
from receiver.journal.slots import SLOTS_MAX, first_record
from receiver.model.errors import JournalError, StoreFailed

SQL = named_queries("schema")
FORMAT = max(number for number, _ in migrations())
FIRST_WITH_PARTS = 3
"""The format from which on the inbox has parts: the first ones are made with it, the others by services."""
ENCODINGS = frozenset({"UTF8", "SQL_ASCII"})
"""Of a database. The second keeps whatever it is given."""
SERVER_MIN = 140_000


@dataclass(frozen=True, slots=True)
class Made:
    """What ``init`` made, or found made."""

    journal_id: str
    format_before: int
    """0 where there was none."""
    slots: int


def told(made: Made) -> list[str]:
    """The same for people."""
    if made.format_before == 0:
        how = f"is made, in format {FORMAT}"
    elif made.format_before == FORMAT:
        how = f"has format {FORMAT} already"
    else:
        how = f"was of format {made.format_before} and has format {FORMAT} now"
    slots = "1 slot" if made.slots == 1 else f"{made.slots} slots"
    return [f"the journal {made.journal_id} {how}; it has {slots}"]


def init(address: Address, slots: int = 1, allow: str | None = None) -> Made:
    """Make the journal, or bring it to our format, and give it more slots; safe to repeat.

    ``allow`` is a role that may use the tables and not change them. Raises ``JournalError`` where it is of a newer
    format or the server will not do, ``StoreFailed``.
    """
    if not 1 <= slots <= SLOTS_MAX:
        raise JournalError(f"a journal has from 1 to {SLOTS_MAX} slots, not {slots}")
    with closing(Database(address, "init", timeout_s=None)) as database:
        check_server(database, replicated=False)
        with _bounded(database), database.transaction():
            database.rows(SQL["alone"], f"receiver journal {address.schema}")
            before = _format(database)
            if before == 0:
                database.execute(f"CREATE SCHEMA IF NOT EXISTS {address.schema}")
            if before > FORMAT:
                raise JournalError(_newer(before))
            for number, script in migrations():
                if number > before:
                    database.execute(script)
                    _note(database, number)
            for slot in range(slots):
                database.rows(SQL["add_slot"], slot, first_record(slot))
            for role in {row[0] for row in database.rows(SQL["allowed"])} | ({allow} if allow is not None else set()):
                database.execute(SQL["allow"].format(schema=address.schema, role=_quoted(role)))
        if before < FIRST_WITH_PARTS:
            with closing(PostgresParts(address)) as parts:
                parts.make_ahead(0)
        return Made(str(database.one(SQL["id"])), before, int(database.one(SQL["count_slots"])))


@contextmanager
def _bounded(database: Database) -> Iterator[None]:
    # Services may run meanwhile: the inbox is read whole before it is locked, so that it need not be read then.
    if not 0 < _format(database) < FIRST_WITH_PARTS:
        yield
        return
    try:
        for step in ("bound", "check_bound"):
            with database.transaction():
                database.execute(SQL[step])
        yield
    except BaseException:
        _unbound(database)
        raise


def _unbound(database: Database) -> None:
    for last in (False, False, True):  # a reader may hold its lock
        try:
            with database.transaction():
                database.execute(SQL["unbound"])
        except StoreFailed as error:
            if last:
                raise StoreFailed(f"{error}; run `receiver journal init` again within a day") from error
        else:
            return


def find(database: Database) -> str:
    """The id of the journal that is there; raises ``JournalError`` where there is none, or it is not of our format."""
    version = _format(database)
    if version == 0:
        raise JournalError(no_journal(database.address))
    if version > FORMAT:
        raise JournalError(_newer(version))
    if version < FORMAT:
        raise JournalError(f"the journal has format {version}; `receiver journal init` brings it to {FORMAT}")
    return str(database.one(SQL["id"]))


def check_server(database: Database, *, replicated: bool) -> None:
    """Whether the server keeps what it says it kept; raises ``JournalError`` with what to change, ``StoreFailed``."""
    version, fsync, full_pages, standbys, what, encoding = database.rows(SQL["server"])[0]
    if int(version) < SERVER_MIN:
        raise JournalError(f"the database is {what}; PostgreSQL 14 or newer is needed")
    if not str(what).startswith("PostgreSQL ") or "-YB-" in str(what):
        raise JournalError(f"the database is {what}, and not PostgreSQL: its transactions are numbered in another way")
    if encoding not in ENCODINGS:
        raise JournalError(f"the database keeps texts in {encoding}, which lacks most letters: make one in UTF8")
    if fsync != "on" and not _forgetful_is_fine(database):
        raise JournalError("the database runs with fsync = off, so that a 200 would promise nothing: set it to on")
    if full_pages != "on" and not _forgetful_is_fine(database):
        raise JournalError("the database runs with full_page_writes = off: a crash could tear its pages; set it to on")
    if replicated and not standbys:
        raise JournalError(
            'journal.durability is "replicated" and the database waits for no replica: set synchronous_standby_names'
        )


def _forgetful_is_fine(database: Database) -> bool:
    # A cluster of tests says of itself that it may forget: `receiver.forgetful = on` in its configuration.
    return bool(database.one(SQL["forgetful"]) == "on")


def is_there(database: Database) -> bool:
    """Whether the schema has a journal of whatever format."""
    return database.one(SQL["is_there"], database.address.schema) is not None


def _format(database: Database) -> int:
    if not is_there(database):
        return 0
    return int(database.one(SQL["format"]))


def _note(database: Database, number: int) -> None:
    if number == 1:
        database.rows(SQL["make_journal"], str(uuid.uuid4()))
    else:
        database.rows(SQL["set_format"], number)


def _newer(version: int) -> str:
    return f"the journal has format {version}; this release reads up to {FORMAT}: go on with the release that made it"


def _quoted(role: str) -> str:
    return '"' + role.replace('"', '""') + '"'
