"""Which process needs which secrets: each is given its own, so that what one gives away is not all there is.

Who proves callbacks needs the providers' secrets, who publishes Kafka's, who asks an API that API's keys, and who keeps
something the journal's keys. The console says which key a callback was signed by, and where on Kafka an event lies: it
has the secrets for both, its own tokens, and no API's. What a process does not need is not in its environment, and no
file with it is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from receiver.providers.calls import Access
from receiver.providers.contract import Source, Sources
from receiver.service.config.settings import REFERENCE, Settings
from receiver.service.config.sources import resolve_sources
from receiver.service.process import Role

OF_SOURCE: Mapping[Role, re.Pattern[str]] = {
    "intake": re.compile(r"(secrets|keys)\."),
    "interpret": re.compile(r"(?!)"),
    "publish": re.compile(r"(?!)"),
    "reconcile": re.compile(r"(poll|keys)\."),
    "keep": re.compile(r"(?!)"),
    "traces": re.compile(r"(?!)"),
    "console": re.compile(r"(secrets|retired_secrets|keys)\."),
}
"""Role → the keys of a source whose references it needs; a key pair may also be an API's."""


def foreign_variables(settings: Settings, role: Role) -> frozenset[str]:
    """Names of variables of the environment that hold secrets, and none that this role needs."""
    found = list(_variables((), settings.model_dump(exclude_unset=True)))
    return frozenset(name for _, name in found) - {name for place, name in found if _needs(role, place)}


def _needs(role: Role, place: tuple[str, ...]) -> bool:
    if place[0] == "sources":
        return OF_SOURCE[role].match(f"{'.'.join(place[2:])}.") is not None
    if place[0] == "console":
        return role == "console"
    return place[0] == "journal" or (place[0] == "kafka" and role in {"publish", "console"})


def _variables(place: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, str) and REFERENCE.fullmatch(value):
        kind, _, name = value.partition(":")
        if kind == "env":
            yield place, name
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _variables((*place, key), one)
    elif isinstance(value, list | tuple):
        for number, one in enumerate(value):
            yield from _variables((*place, str(number)), one)


def sources_for(settings: Settings, environ: Mapping[str, str], role: Role) -> Sources:
    """The sources with the secrets that this role needs, and without the others; raises ``ConfigurationError``."""
    found = resolve_sources(settings, environ, lambda key: OF_SOURCE[role].match(key) is not None)
    return {name: (provider, _only(source, role)) for name, (provider, source) in found.items()}


def _only(source: Source, role: Role) -> Source:
    # What was not resolved is not there, and not an empty secret that something could be verified by.
    if role in {"intake", "console"}:
        return replace(source, access=_without_key(source.access))
    if role == "reconcile":
        return replace(source, secrets=(), keys={})
    return replace(source, secrets=(), keys={}, access=_without_key(source.access))


def _without_key(access: Access | None) -> Access | None:
    return None if access is None else replace(access, public=b"", secret=b"")
