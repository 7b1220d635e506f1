"""From a configured source to one that can verify: its provider found, its needs checked, its secrets resolved."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from receiver.model.errors import ConfigurationError
from receiver.providers.calls import Access, Described
from receiver.providers.contract import Api, Provider, Source
from receiver.providers.cryptoexchange.api import FIELDS, NEEDED
from receiver.providers.registry import PROVIDERS
from receiver.service.config.settings import Settings, resolve
from receiver.service.config.source_settings import PollSettings, SourceSettings

GENERAL = frozenset({"name", "provider", "retired_secrets", "silence_warn_s"})
OF_CALLBACKS = frozenset({"secrets", "keys", "public_url"})
"""What a source that is only asked can do without."""
POLL_GENERAL = frozenset({"enabled", "every_s", "requests_per_s", "timeout_s", "overdue_s"})


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
    needs, takes = provider.needs, provider.takes
    wrong: list[str] = []
    if provider.api is not None:
        takes |= {"poll"}
        if configured.poll is not None:
            needs -= OF_CALLBACKS
            wrong = _wrong_poll_keys(configured, configured.poll, provider.api, place)
        elif not provider.calls_back:
            needs |= {"poll"}
    missing = [f"{place}.{key}: required for {provider.slug}" for key in sorted(needs - given)]
    idle = sorted(given - takes - GENERAL)
    return [*missing, *(f"{place}.{key}: means nothing to {provider.slug}" for key in idle), *wrong]


def _wrong_poll_keys(configured: SourceSettings, poll: PollSettings, api: Api, place: str) -> list[str]:
    slug = configured.provider
    given = {key for key in poll.model_fields_set if getattr(poll, key) not in (None, [], {})}
    wrong = [f"{place}.poll.{key}: required for {slug}" for key in sorted(api.needs - given)]
    wrong += [f"{place}.poll.{key}: means nothing to {slug}" for key in sorted(given - api.takes - POLL_GENERAL)]
    if "key" in api.takes and poll.key is None and not configured.keys:
        wrong += [f"{place}.poll.key: required where the source has no `keys`"] if "key" not in api.needs else []
    if "fields" in given:
        lacking = ", ".join(sorted(NEEDED - set(poll.fields)))
        unknown = ", ".join(sorted(set(poll.fields) - FIELDS))
        wrong += [f"{place}.poll.fields: lacks {lacking}"] if lacking else []
        wrong += [f"{place}.poll.fields: no such name: {unknown}"] if unknown else []
    if "list_path" in given and not poll.customers:
        wrong.append(f"{place}.poll.customers: required with `list_path`")
    return wrong


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
        access=_access(configured, provider, keys, secret),
    )


def _access(
    configured: SourceSettings,
    provider: Provider,
    keys: Mapping[bytes, tuple[bytes, ...]],
    secret: Callable[[str, str], bytes],
) -> Access | None:
    poll, api = configured.poll, provider.api
    if poll is None or api is None:
        return None
    public, private = b"", b""
    if poll.key is not None:
        public, private = secret(poll.key.public, "poll.key.public"), secret(poll.key.secret, "poll.key.secret")
    elif poll.secret is not None:
        private = secret(poll.secret, "poll.secret")
    elif keys:
        public = next(iter(keys))
        private = keys[public][0]
    return Access(
        base_url=poll.base_url or api.base_url or "",
        account=configured.account,
        public=public,
        secret=private,
        page_size=poll.page_size,
        described=_described(poll),
    )


def _described(poll: PollSettings) -> Described | None:
    if poll.order_path is None or poll.auth_header is None:
        return None
    return Described(
        order_path=poll.order_path,
        method=poll.method,
        auth_header=poll.auth_header,
        fields=dict(poll.fields),
        statuses=dict(poll.statuses),
        list_path=poll.list_path,
        customers=tuple(poll.customers),
    )
