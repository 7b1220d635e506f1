"""Values that ``init`` wrote and nobody replaced: with them a service starts, and refuses whatever is genuine.

Which keys of a source hold one, and what is to stand there, says its provider; the values stand in its template.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from receiver.model.errors import ConfigurationError
from receiver.model.hosts import parts_of
from receiver.providers.contract import Provider
from receiver.providers.registry import providers
from receiver.service.config.settings import Settings

ZEROS = re.compile(r"(0x)?[0-]*0[0-]*", re.IGNORECASE)
"""No account is nothing but zeros, however many."""
RESERVED = re.compile(r"(.*\.)?(example|invalid)", re.IGNORECASE)
"""Names that nobody can ever register (RFC 2606, section 2)."""


def refuse_placeholders(settings: Settings) -> None:
    """Raise ``ConfigurationError`` where a source holds what ``init`` wrote for a person to replace."""
    faults = placeholders_left(settings)
    if faults:
        raise ConfigurationError(faults)


def placeholders_left(settings: Settings) -> list[str]:
    """A sentence for each: its key, and what to put there."""
    found = []
    for number, source in enumerate(settings.sources):
        provider = providers()[source.provider]
        given = source.model_dump()
        for key, value in _left(provider, given):
            place = f"sources.{number} ({source.name}).{key}"
            found.append(f"{place}: {value} is what `receiver init` wrote; put {provider.placeholders[key]}")
    return found


def _left(provider: Provider, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    written = _template_values(provider)
    for key in provider.placeholders:
        value = _at(given, key)
        if isinstance(value, str) and _is_placeholder(value, written.get(key)):
            yield key, value


def _template_values(provider: Provider) -> dict[str, Any]:
    (table,) = tomllib.loads(provider.template)["sources"]
    return {key: _at(table, key) for key in provider.placeholders}


def _is_placeholder(value: str, written: Any) -> bool:
    if value.strip().lower() == str(written).lower() or ZEROS.fullmatch(value.strip()):
        return True
    host = _host(value)
    return bool(host) and (host == _host(str(written)) or RESERVED.fullmatch(host) is not None)


def _host(value: str) -> str:
    parts = parts_of(value) if "://" in value else None
    return (parts.hostname or "").rstrip(".") if parts is not None else ""


def _at(table: Mapping[str, Any], key: str) -> Any:
    value: Any = table
    for name in key.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
