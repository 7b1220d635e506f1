"""How far each run of replay came: a row for each, in the journal's schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import orjson

from receiver.journal.ports import RUNS_LISTED_MAX
from receiver.journal.postgres.address import Address
from receiver.journal.postgres.connection import Database
from receiver.journal.postgres.statements import named_queries
from receiver.model.errors import ReceiverError

SQL = named_queries("marks")


class PostgresRuns:
    """``ports.Runs``; connects for each call, since a run may pause for hours between two."""

    def __init__(self, address: Address) -> None:
        self._address = address

    def save(self, run_id: str, document: Mapping[str, Any]) -> None:
        """Keep a run's state, whole or not at all."""
        with closing(Database(self._address, "runs")) as database:
            database.rows(SQL["save_run"], run_id, orjson.dumps(document))

    def load(self, run_id: str) -> dict[str, Any]:
        """Read it; raises ``ReceiverError`` where there is no such run."""
        with closing(Database(self._address, "runs")) as database:
            found = database.one(SQL["load_run"], run_id)
        document = None if found is None else orjson.loads(found)
        if not isinstance(document, dict):
            raise ReceiverError(f"there is no run {run_id} in the journal's database")
        return document

    def listed(self) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """The newest runs."""
        with closing(Database(self._address, "runs")) as database:
            rows = database.rows(SQL["list_runs"], RUNS_LISTED_MAX)
        return [(str(run_id), orjson.loads(document)) for run_id, document in rows]
