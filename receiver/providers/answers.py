"""What APIs of providers share: answers read exactly, the usual meaning of HTTP status codes, the usual pace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from receiver.model.callback import Resource
from receiver.model.errors import ApiFailed, NotUnderstood
from receiver.model.exact_json import payload_digest, read_json, write_json
from receiver.model.operation import Kind
from receiver.providers.calls import Answer

HOUR_S = 3600.0
PACE_S: tuple[tuple[float, float], ...] = ((HOUR_S, 60.0), (48 * HOUR_S, 600.0))
"""Of an open operation: up to this age, asked this often; then hourly (OnchainPay's file, ambiguity 9)."""


def usual_interval_s(age_s: float) -> float | None:
    """A minute in the first hour, then ten, hourly past 48 h."""
    return next((every_s for up_to_s, every_s in PACE_S if age_s < up_to_s), HOUR_S)


def document(answer: Answer) -> Any:
    """Parse an answer's body exactly; raises ``ApiFailed``, by its HTTP status where it is no JSON."""
    try:
        return read_json(answer.body)
    except NotUnderstood:
        raise by_status(answer, "the body is no JSON") from None


def by_status(answer: Answer, why: str) -> ApiFailed:
    """What an answer means that says nothing more by itself than its HTTP status."""
    said = f"{why} (HTTP {answer.status})"
    if answer.status == 429:
        return ApiFailed("limited", said, answer.retry_after_s)
    if answer.status in {401, 403}:
        return ApiFailed("refused", said)
    if answer.status >= 500:
        return ApiFailed("down", said, answer.retry_after_s)
    return ApiFailed("nonsense", said)


def resource(operation_id: str, said: Mapping[str, Any], word: Any, kind: Kind) -> Resource:
    """Make a resource of a parsed object whose status field holds ``word``."""
    step = kind.statuses.get(word) if isinstance(word, str) else None
    return Resource(operation_id, write_json(said), payload_digest(said), step is not None and step.terminal)
