"""Brings a store of an older format to today's, in one transaction, where a journal is opened to be written."""

from __future__ import annotations

from typing import Any

import apsw

from receiver.journal.sqlite import store as sqlite
from receiver.journal.sqlite.statements import named_queries, schema

STORE = "outbox"
SQL = named_queries("upgrade")
FORMAT_OF_QUARANTINE = 4
"""The first in which a standing in quarantine names its store."""


def upgrade_outbox(connection: apsw.Connection) -> None:
    """Bring an outbox of format 1 to 4 to format 5; any other is left as it is.

    Raises ``StoreFailed`` with nothing changed. Measured with a million: 6 µs an operation from format 1, which needs
    as much room again as the operations have, and 2 µs from format 2; from format 3 a few µs for each in quarantine;
    from format 4 one for each operation.
    """
    with sqlite.transaction(connection):
        if not connection.table_exists(None, "meta"):
            return
        found = next((row[0] for row in list[Any](connection.execute(SQL["outbox_format"]))), None)
        if found not in {1, 2, 3, 4}:
            return
        if found > 1:  # format 1 gets a new table
            connection.execute(SQL["outbox_add_forgotten"])
        if found < FORMAT_OF_QUARANTINE:
            _to_format_of_quarantine(connection, found)
        connection.execute(SQL["outbox_simulated"])
        connection.execute(SQL["outbox_forgotten"])


def _to_format_of_quarantine(connection: apsw.Connection, found: int) -> None:
    if found == 1:
        connection.create_scalar_function("key_hash", _key_hash, 1, deterministic=True)
        connection.execute(SQL["outbox_set_aside"])
    connection.execute(SQL["outbox_set_quarantine_aside"])
    connection.execute(schema(STORE))
    if found == 1:
        connection.execute(SQL["outbox_copy"])
    if found in {1, 2}:
        connection.execute(SQL["outbox_index"])
    connection.execute(SQL["outbox_quarantine"])


def _key_hash(*keys: apsw.SQLiteValue) -> int:
    return sqlite.key_hash(str(keys[0]))
