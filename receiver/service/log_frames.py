"""What a log line may say: a traceback that quotes nobody, and no card number."""

from __future__ import annotations

import sys
import traceback
from collections.abc import MutableMapping
from typing import Any

from receiver.model.cards import DIGITS_MIN, mask_cards

IDS = frozenset({"operation", "event", "level", "timestamp"})
"""Fields that name what a line is about: left as they are, so that all lines about it are found."""
_NO_TEXT = frozenset({int, float, bool, type(None)})


def frames_only(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Turn ``exc_info`` into the exception's type and its frames; the message stays out."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    elif isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event["exception"] = type(error).__qualname__
        frames = traceback.extract_tb(error.__traceback__)
        event["frames"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return event


def without_cards(event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask card numbers in the fields of a line but ``IDS``, in lists and mappings too.

    Gives the same mapping where there is nothing to mask, which is on the hot path.
    """
    masked: MutableMapping[str, Any] = event
    for name, value in event.items():
        if type(value) in _NO_TEXT or name in IDS or (type(value) is str and len(value) < DIGITS_MIN):
            continue
        hidden = _masked(value)
        if hidden is not value:
            masked = {**masked, name: hidden}
    return masked


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return mask_cards(value)
    if isinstance(value, list | tuple):
        return [_masked(item) for item in value]
    if isinstance(value, dict):
        return {mask_cards(name) if isinstance(name, str) else name: _masked(item) for name, item in value.items()}
    try:
        text = str(value)
    except Exception:  # noqa: BLE001  whoever logs is not to fail over what has no text
        return value
    return value if type(value) in _NO_TEXT or mask_cards(text) is text else mask_cards(text)
