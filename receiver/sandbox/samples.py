"""Signed callbacks and status events for other people's tests: no broker, no account, no network.

Secrets are made up and fixed; operations come from a seed, so that a test sees the same at every run.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from exchange_events.publish import DIFFERS, EXAMPLE
from receiver.model.errors import ConfigurationError, ReceiverError
from receiver.providers.contract import MadeUp, Provider, Samples, Source
from receiver.providers.registry import providers
from receiver.providers.samples import bodies
from receiver.service.config.sources import resolve_source


@dataclass(frozen=True, slots=True)
class SignedCallback:
    """One callback as a provider sends it."""

    source: str
    path: str
    """Where it is posted, below the receiver's address."""
    headers: dict[str, str]
    body: bytes


class Callbacks:
    """Makes callbacks and events, of every installed provider that has samples. ``seed`` chooses ids and amounts."""

    def __init__(self, seed: int = 0) -> None:
        self._chance = random.Random(seed)  # noqa: S311  samples, the same at every run
        self._samples: list[tuple[Provider, Samples]] = [
            (provider, provider.samples) for provider in providers().values() if provider.samples is not None
        ]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the configuration in ``receiver_toml`` refers to."""
        return {name: value for _, samples in self._samples for name, value in samples.made_up.secrets.items()}

    @property
    def receiver_toml(self) -> str:
        """The sources of a ``receiver.toml`` that accepts these callbacks."""
        tables = (samples.made_up.source for _, samples in self._samples)
        return "\n".join(
            "[[sources]]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in table.items()) for table in tables
        )

    @property
    def scenarios(self) -> list[str]:
        """Names for ``operation``."""
        return [scenario.name for _, samples in self._samples for scenario in samples.scenarios]

    def operation(self, scenario: str = "exchange-withdraw-happy", *, now_s: int | None = None) -> list[SignedCallback]:
        """All callbacks of one fresh operation, in order, signed as of ``now_s`` (Unix s; default: now).

        Raises ``ReceiverError`` for a scenario that is not there.
        """
        there = ((*of, one) for of in self._samples for one in of[1].scenarios if one.name == scenario)
        provider, samples, found = next(there, (None, None, None))
        if provider is None or samples is None or found is None:
            raise ReceiverError(f"there is no scenario {scenario}; there are {', '.join(self.scenarios)}")
        at_s = int(time.time()) if now_s is None else now_s
        source = made_up_source(provider, samples.made_up)
        return [
            SignedCallback(
                source.name,
                f"/webhooks/{source.name}",
                {name.decode(): value.decode() for name, value in provider.sign(body, source, at_s)},
                body,
            )
            for body in bodies(found, source, self._chance, at_s)
        ]

    def event(self, status: str = "completed", **changes: Any) -> dict[str, Any]:
        """A status event of a status, as its Kafka value reads; raises ``ReceiverError`` for no such status."""
        if status not in DIFFERS:
            raise ReceiverError(f"there is no status {status}; there are {', '.join(DIFFERS)}")
        return {**EXAMPLE, **DIFFERS[status], "status": status, **changes}


def made_up_source(provider: Provider, made_up: MadeUp) -> Source:
    """A made-up source, ready to sign and to verify; raises ``ConfigurationError`` where it is not sound."""
    try:
        configured = provider.settings.model_validate(dict(made_up.source))
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise ConfigurationError([f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in found]) from None
    faults: list[str] = []
    source = resolve_source(provider, configured, provider.slug, made_up.secrets, faults)
    if faults:
        raise ConfigurationError(faults)
    return source


def _toml(value: Any) -> str:
    """A value as TOML writes it: strings, numbers and lists as JSON does, tables in one line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)
