"""Which sources' providers are asked by their APIs."""

from __future__ import annotations

from receiver.model.errors import ConfigurationError
from receiver.providers.settings import PollSettings
from receiver.service.config.settings import Settings


def polled(settings: Settings, *, all_sources: bool = False) -> dict[str, PollSettings]:
    """The ``poll`` settings by source, of those that ``serve`` asks; ``all_sources``: of all that can be asked."""
    found = ((source.name, source.usual.poll) for source in settings.sources)
    return {name: poll for name, poll in found if poll is not None and (poll.enabled or all_sources)}


def need_polled(settings: Settings) -> dict[str, PollSettings]:
    """All sources that can be asked; raises ``ConfigurationError`` where there is none."""
    found = polled(settings, all_sources=True)
    if not found:
        raise ConfigurationError(
            ["no source has `poll`: there is no API to ask; see `receiver docs providers/reconcile.md`"]
        )
    return found
