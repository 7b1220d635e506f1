"""Operations as SQLite keeps them; all other rows are those of ``outbox_values``."""

from __future__ import annotations

from typing import Any

import orjson

from receiver.journal.sqlite import store as sqlite
from receiver.model.operation import OperationState


def operation_row(number: int, key: str, state: OperationState) -> tuple[Any, ...]:
    """An operation as a row of ``operations``."""
    return (
        number,
        key,
        sqlite.key_hash(key),
        state.sequence,
        state.provider_status,
        state.rank,
        int(state.terminal),
        state.updated_at,
        state.arrival,
        state.event_id,
        orjson.dumps(state.revisions).decode(),
    )
