"""From a configured source to one that can verify: its secrets resolved."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping

from receiver.model.errors import ConfigurationError
from receiver.providers.calls import Access
from receiver.providers.contract import Provider, Source
from receiver.providers.registry import providers
from receiver.providers.settings import SourceSettings, Usual
from receiver.service.config.settings import Settings, resolve

Secret = Callable[[str, str], bytes]
"""(reference, key of the source) → the secret; what cannot be resolved is noted as a fault, and empty."""


def resolve_sources(
    settings: Settings, environ: Mapping[str, str], wanted: Callable[[str], bool] = lambda _key: True
) -> dict[str, tuple[Provider, Source]]:
    """Every source, ready to verify; raises ``ConfigurationError`` that names each fault by its key, never a value.

    References at keys of a source that are not ``wanted`` are left alone; what stands for them is empty.
    """
    faults: list[str] = []
    found = {}
    for number, configured in enumerate(settings.sources):
        provider = providers()[configured.provider]
        found[configured.name] = (
            provider,
            resolve_source(provider, configured, f"sources.{number}", environ, faults, wanted),
        )
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


def resolve_source(  # noqa: PLR0913, PLR0917  what a source is made from
    provider: Provider,
    configured: SourceSettings,
    place: str,
    environ: Mapping[str, str],
    faults: list[str],
    wanted: Callable[[str], bool] = lambda _key: True,
) -> Source:
    """One source, its references resolved; what cannot be goes to ``faults``, by the key below ``place``."""

    def secret(reference: str, key: str) -> bytes:
        if not wanted(key):
            return b""
        try:
            return resolve(reference, environ)
        except ValueError as error:
            faults.append(f"{place} ({configured.name}).{key}: {error}")
            return b""

    usual = configured.usual
    keys: dict[bytes, tuple[bytes, ...]] = {}
    for number, pair in enumerate(usual.keys):
        public = secret(pair.public, f"keys.{number}.public")
        keys[public] = (*keys.get(public, ()), secret(pair.secret, f"keys.{number}.secret"))
    return Source(
        name=configured.name,
        provider=configured.provider,
        account=usual.account,
        signed_urls=provider.signed_urls(configured) if provider.signed_urls is not None else (),
        freshness_s=usual.freshness_s,
        secrets=tuple(secret(reference, f"secrets.{number}") for number, reference in enumerate(usual.secrets)),
        keys=keys,
        access=_access(usual, provider, keys, secret),
        settings=configured,
    )


def _access(usual: Usual, provider: Provider, keys: Mapping[bytes, tuple[bytes, ...]], secret: Secret) -> Access | None:
    poll, api = usual.poll, provider.api
    if poll is None or api is None:
        return None
    public, private = b"", b""
    if usual.api_key is not None:
        public = secret(usual.api_key.public, "poll.key.public")
        private = secret(usual.api_key.secret, "poll.key.secret")
    elif usual.api_secret is not None:
        private = secret(usual.api_secret, "poll.secret")
    elif keys:
        public = next(iter(keys))
        private = keys[public][0]
    return Access(
        base_url=poll.base_url or api.base_url or "",
        account=usual.account,
        public=public,
        secret=private,
        page_size=usual.page_size,
        settings=poll,
    )
