"""SQL from its files, and statements that write many rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib import resources
from itertools import chain
from typing import Any

import apsw

ROWS_AT_ONCE = (64, 8, 1)
"""Rows in one statement: few sizes, so that all of them stay prepared."""


def schema(store: str) -> str:
    """Read ``sql/<store>.sql``: the statements that make the tables a store lacks."""
    return resources.files("receiver.journal.sqlite.sql").joinpath(f"{store}.sql").read_text("utf-8")


def insert(connection: apsw.Connection, statement: str, rows: Iterable[Sequence[Any]]) -> None:
    """Run an ``INSERT … VALUES (?, …)`` for all ``rows``, many in one statement: measured, cheaper than one by one."""
    waiting = list(rows)
    at = 0
    for size in ROWS_AT_ONCE:
        while len(waiting) - at >= size:
            connection.execute(_for_rows(statement, size), tuple(chain.from_iterable(waiting[at : at + size])))
            at += size


@lru_cache(maxsize=256)
def _for_rows(statement: str, count: int) -> str:
    head, _, tail = statement.partition("VALUES ")
    one = tail[: tail.index(")") + 1]
    return f"{head}VALUES {', '.join([one] * count)}{tail[len(one) :]}"


def named_queries(store: str) -> Mapping[str, str]:
    """Read ``sql/<store>_queries.sql``: statements by the ``-- name:`` above each."""
    text = resources.files("receiver.journal.sqlite.sql").joinpath(f"{store}_queries.sql").read_text("utf-8")
    parts = re.split(r"^-- name: (\w+)$", text, flags=re.MULTILINE)
    return {name: statement.strip() for name, statement in zip(parts[1::2], parts[2::2], strict=True)}
