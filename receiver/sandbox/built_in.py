"""The configuration of a desk that has none yet: enough for ``receiver dev`` and the commands that look into it.

Its sources are those that their providers want there, made-up secrets and all.
"""

from __future__ import annotations

from collections.abc import Mapping

from receiver.model.errors import ConfigurationError
from receiver.model.hosts import is_loopback
from receiver.providers.contract import MadeUp
from receiver.providers.registry import providers
from receiver.service.config.secret_lint import references
from receiver.service.config.settings import Settings, build, resolve


def built_in(port: int, admin_port: int) -> Settings:
    """The configuration of a desk without ``receiver.toml``: made-up sources, the journal under ``var``, no Kafka."""
    return build(
        {
            "server": {"port": port, "shutdown_timeout_s": 5},
            "admin": {"port": admin_port},
            "sources": [dict(one.source) for one in _made_up_sources()],
        },
        "the built-in configuration",
    )


def made_up() -> dict[str, str]:
    """Secrets of the built-in configuration, by the name of their variable: worth nothing."""
    return {name: value for one in _made_up_sources() for name, value in one.secrets.items()}


def with_made_up(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment, and the made-up secrets where it has none of those names."""
    return {**made_up(), **environ}


def keep_made_up_at_home(settings: Settings, environ: Mapping[str, str]) -> None:
    """Raise ``ConfigurationError`` where anybody else could reach a listener while a source has a made-up secret.

    Everybody can read those, and so send what passes for genuine; it does not matter how a source came to one.
    """
    listeners = (("server.host", settings.server.host), ("admin.host", settings.admin.host))
    strangers = [(key, host) for key, host in listeners if not is_loopback(host)]
    worthless = {value for one in _all_made_up() for value in one.secrets.values()}
    reference = next((one for _, one in references(settings) if _value(one, environ) in worthless), None)
    if strangers and reference is not None:
        why = f"and the secret behind {reference} is made up, for all to read: set 127.0.0.1, or secrets of your own"
        raise ConfigurationError([f"{key}: {host} is not loopback, {why}" for key, host in strangers])


def _value(reference: str, environ: Mapping[str, str]) -> str:
    try:
        return resolve(reference, environ).decode(errors="replace")
    except ValueError:
        return ""


def _all_made_up() -> list[MadeUp]:
    return [provider.samples.made_up for provider in providers().values() if provider.samples is not None]


def _made_up_sources() -> list[MadeUp]:
    return [one for one in _all_made_up() if one.in_dev]
