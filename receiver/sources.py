"""From a configured source to one that can verify: its provider found, its needs checked, its secrets resolved."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from receiver.errors import ConfigurationError
from receiver.provider import Provider, Source
from receiver.providers import PROVIDERS
from receiver.settings import Settings, SourceSettings, resolve

GENERAL = frozenset({"name", "provider", "retired_secrets", "silence_warn_s"})


def resolve_sources(settings: Settings, environ: Mapping[str, str]) -> dict[str, tuple[Provider, Source]]:
    """Every source, ready to verify; raises ``ConfigurationError`` that names each fault by its key, never a value."""
    faults: list[str] = []
    found = {}
    for number, configured in enumerate(settings.sources):
        place = f"sources.{number} ({configured.name})"
        provider = PROVIDERS.get(configured.provider)
        if provider is None:
            faults.append(f"{place}.provider: there is {', '.join(PROVIDERS)}")
            continue
        wrong = _wrong_keys(configured, provider, place)
        faults += wrong
        if not wrong:
            found[configured.name] = (provider, _resolve(configured, provider, place, environ, faults))
    if faults:
        raise ConfigurationError(faults)
    return found


def resolve_retired(settings: Settings, environ: Mapping[str, str], name: str) -> tuple[bytes, ...]:
    """The retired secrets of one source; those that do not exist any more are left out."""
    found = []
    for configured in settings.sources:
        for reference in configured.retired_secrets if configured.name == name else ():
            with contextlib.suppress(ValueError):
                found.append(resolve(reference, environ))
    return tuple(found)


def _wrong_keys(configured: SourceSettings, provider: Provider, place: str) -> list[str]:
    given = {key for key in configured.model_fields_set if getattr(configured, key) not in (None, [])}
    missing = [f"{place}.{key}: required for {provider.slug}" for key in sorted(provider.needs - given)]
    idle = sorted(given - provider.takes - GENERAL)
    return [*missing, *(f"{place}.{key}: means nothing to {provider.slug}" for key in idle)]


def _resolve(
    configured: SourceSettings, provider: Provider, place: str, environ: Mapping[str, str], faults: list[str]
) -> Source:
    def secret(reference: str, key: str) -> bytes:
        try:
            return resolve(reference, environ)
        except ValueError as error:
            faults.append(f"{place}.{key}: {error}")
            return b""

    keys: dict[bytes, tuple[bytes, ...]] = {}
    for number, pair in enumerate(configured.keys):
        public = secret(pair.public, f"keys.{number}.public")
        keys[public] = (*keys.get(public, ()), secret(pair.secret, f"keys.{number}.secret"))
    secrets = [secret(reference, f"secrets.{number}") for number, reference in enumerate(configured.secrets)]
    urls: Any = ()
    if provider.signed_urls is not None and configured.public_url is not None:
        urls = provider.signed_urls(configured.public_url, configured.signed_url)
    return Source(
        name=configured.name,
        provider=provider.slug,
        account=configured.account,
        signed_urls=urls,
        freshness_s=configured.freshness_s,
        secrets=tuple(secrets),
        keys=keys,
    )
