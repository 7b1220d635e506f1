"""Rows of the outbox's tables, to and from the model's values, many at once: a list for each column."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from receiver.journal.outbox_values import record_row
from receiver.journal.postgres.seals import Seals
from receiver.model.operation import OperationState
from receiver.model.records import OutboxRecord

RECORD_COLUMNS = 17
OPERATION_COLUMNS = 10


def key_digest(key: str) -> bytes:
    """By what an operation is found: the first 16 bytes of SHA-256 of its key."""
    return hashlib.sha256(key.encode()).digest()[:16]


def columns(rows: Iterable[tuple[Any, ...]], count: int) -> list[list[Any]]:
    """A list for each column; ``count`` empty ones without a row."""
    found = list(zip(*rows, strict=True))
    return [list(column) for column in found] if found else [[] for _ in range(count)]


def operation_columns(states: Mapping[str, OperationState]) -> list[list[Any]]:
    """Operations as columns of ``operations``, by their keys."""
    rows = (
        (
            key_digest(key),
            key,
            state.sequence,
            state.provider_status,
            state.rank,
            state.terminal,
            state.updated_at,
            state.arrival,
            state.event_id,
            orjson.dumps(state.revisions).decode(),
        )
        for key, state in states.items()
    )
    return columns(rows, OPERATION_COLUMNS)


def record_columns(seals: Seals, records: Iterable[OutboxRecord]) -> list[list[Any]]:
    """Records as columns, their values sealed where there is a key; ``seals`` is prepared for their days."""
    return columns((record_row(seals, record) for record in records), RECORD_COLUMNS)
