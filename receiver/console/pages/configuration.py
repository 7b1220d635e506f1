"""``/config``: what is configured and whence each value came, without a secret; which topic an event would go to."""

from __future__ import annotations

from receiver.console.answers import Ask, Page
from receiver.console.desk import Desk
from receiver.console.pages.choices import choices

TRIED = ("provider", "source", "account", "family", "kind", "status")
"""What a route can match."""


def configuration(desk: Desk, ask: Ask) -> Page:
    """Values, sources with the URLs to register, routes with a box to try them, versions, and what ``check`` says."""
    found = desk.configuration()
    changed = ask.text("show") != "all"
    settings = [one for one in found.settings if one.origin != "default" or not changed]
    fields = {name: ask.query[name] for name in TRIED if name in ask.query}
    tried = {**dict.fromkeys(TRIED, ""), **fields} if fields else None
    offered = choices(desk)
    values = {
        "found": found,
        "settings": settings,
        "changed": changed,
        "hidden": len(found.settings) - len(settings),
        "sources": desk.sources,
        "place": desk.place,
        "tried": tried,
        "topics": [] if tried is None else desk.topic_of(tried),
        "fields": TRIED,
        "choices": {**offered, "provider": sorted({card.provider for card in desk.sources}), "account": ()},
    }
    return Page("configuration.html", "Configuration", values, f"receiver check{desk.option}")
