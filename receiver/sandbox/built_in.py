"""The configuration of a desk that has none yet: enough for ``receiver dev`` and the commands that look into it.

Its sources are those that their providers want there, made-up secrets and all.
"""

from __future__ import annotations

from collections.abc import Mapping

from receiver.providers.contract import MadeUp
from receiver.providers.registry import providers
from receiver.service.config.settings import Settings, build


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


def _made_up_sources() -> list[MadeUp]:
    there = (provider.samples.made_up for provider in providers().values() if provider.samples is not None)
    return [one for one in there if one.in_dev]
