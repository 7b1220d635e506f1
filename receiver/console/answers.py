"""What a page is asked and what it gives, as values: no page knows of HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from receiver.console.access import Visitor
from receiver.model.errors import ReceiverError

TEXT_CHARACTERS_MAX = 300
"""Of one value in a form or a query; what people look for is shorter."""


class NoSuchPage(ReceiverError):
    """There is nothing at this address; the message says what was looked for."""


class BadQuestion(ReceiverError):
    """What was filled in cannot be read; the message says what to put there."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request for a page."""

    visitor: Visitor
    path: Mapping[str, str] = field(default_factory=dict)
    """Parts of the address."""
    query: Mapping[str, str] = field(default_factory=dict)
    """Fields, empty ones left out, each cut to ``TEXT_CHARACTERS_MAX``."""
    chosen: tuple[str, ...] = ()
    """The values of the field ``id``, of which a form may have several."""

    def text(self, name: str) -> str | None:
        """A field; None where it is empty."""
        return self.query.get(name)

    def number(self, name: str) -> int | None:
        """A field as a whole number; raises ``BadQuestion``."""
        said = self.query.get(name)
        if said is None:
            return None
        if not (said.isascii() and said.isdigit() and len(said) <= 18):
            raise BadQuestion(f"{name} is a whole number, not {said}")
        return int(said)


@dataclass(frozen=True, slots=True)
class Page:
    """What to show: a template and its values."""

    template: str
    title: str
    values: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    """The command that shows the same."""
    status: int = 200
    data: Any = None
    """The same for a program, as JSON; None where a page has none."""


@dataclass(frozen=True, slots=True)
class GoTo:
    """Another page is meant."""

    path: str
    query: Mapping[str, str] = field(default_factory=dict)
