"""The parts of an event, held against the schema that is published."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from exchange_events import status_event
from receiver.model import event_parts


@pytest.mark.parametrize("name", ["Amount", "Payout", "Fee", "Price", "Usd", "Failure"])
def test_a_plain_part_is_its_class_of_the_schema(name: str) -> None:
    """The same keys in the same order, each with its own value."""
    made: type[Any] = getattr(status_event, name)
    keys = [field.name for field in dataclasses.fields(made)]
    values = [f"<{key}>" for key in keys]
    assert list(getattr(event_parts, name.lower())(*values).items()) == list(zip(keys, values, strict=True))
