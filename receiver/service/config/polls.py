"""Which sources' providers are asked by their APIs."""

from __future__ import annotations

from receiver.model.errors import ConfigurationError
from receiver.service.config.settings import Settings
from receiver.service.config.source_settings import PollSettings


def polled(settings: Settings, *, all_sources: bool = False) -> dict[str, PollSettings]:
    """The ``poll`` settings by source, of those that ``serve`` asks; ``all_sources``: of all that can be asked."""
    found = {source.name: source.poll for source in settings.sources if source.poll is not None}
    return {name: poll for name, poll in found.items() if poll.enabled or all_sources}


def need_polled(settings: Settings) -> dict[str, PollSettings]:
    """All sources that can be asked; raises ``ConfigurationError`` where there is none."""
    found = polled(settings, all_sources=True)
    if not found:
        raise ConfigurationError(["no source has `poll`: there is no API to ask; see the README, Reconcile"])
    return found
