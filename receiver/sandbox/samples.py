"""Signed callbacks and status events for other people's tests: no broker, no account, no network.

Secrets are made up and fixed; operations come from a seed, so that a test sees the same at every run.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import Any

from receiver.model.errors import ReceiverError
from receiver.providers.calypso import callbacks as calypso
from receiver.providers.contract import Provider, Source
from receiver.providers.onchainpay import callbacks as onchainpay
from receiver.providers.zeroxpay import callbacks as zeroxpay
from receiver.sandbox.scenarios import SCENARIOS, bodies
from schemas.publish import DIFFERS, EXAMPLE

ACCOUNT = "3f0c9a52-6d1e-4b7a-9c58-21e4b7d0a6f3"
PUBLIC_URL = "https://merchant.example.com/webhooks/0xpay-main"
OXPAY_SECRET = "made-up-0xpay-private-key"  # noqa: S105  worth nothing
ADDRESS = "0x00000000000000000000000000000000000000c0"
CALYPSO_PUBLIC, CALYPSO_SECRET = "made-up-subscription-key", "made-up-subscription-secret"
ONCHAINPAY_PUBLIC, ONCHAINPAY_SECRET = "made-up-public-key", "made-up-secret"


@dataclass(frozen=True, slots=True)
class SignedCallback:
    """One callback as a provider sends it."""

    source: str
    path: str
    """Where it is posted, below the receiver's address."""
    headers: dict[str, str]
    body: bytes


class Callbacks:
    """Makes callbacks and events. ``seed`` chooses ids and amounts."""

    def __init__(self, seed: int = 0) -> None:
        self._chance = random.Random(seed)  # noqa: S311  samples, the same at every run
        self._sources: dict[str, tuple[Provider, Source]] = {
            "0xpay": (
                zeroxpay.PROVIDER,
                Source(
                    "0xpay-main",
                    "0xpay",
                    ACCOUNT,
                    signed_urls=zeroxpay.signed_urls(PUBLIC_URL, "host_and_path"),
                    secrets=(OXPAY_SECRET.encode(),),
                ),
            ),
            "onchainpay": (
                onchainpay.PROVIDER,
                Source("swaps", "onchainpay", None, keys={ONCHAINPAY_PUBLIC.encode(): (ONCHAINPAY_SECRET.encode(),)}),
            ),
            "calypso": (
                calypso.PROVIDER,
                Source("calypso", "calypso", ADDRESS, keys={CALYPSO_PUBLIC.encode(): (CALYPSO_SECRET.encode(),)}),
            ),
        }

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the configuration in ``receiver_toml`` refers to."""
        return {
            "SAMPLE_0XPAY": OXPAY_SECRET,
            "SAMPLE_ONCHAINPAY_PUBLIC": ONCHAINPAY_PUBLIC,
            "SAMPLE_ONCHAINPAY": ONCHAINPAY_SECRET,
            "SAMPLE_CALYPSO_PUBLIC": CALYPSO_PUBLIC,
            "SAMPLE_CALYPSO": CALYPSO_SECRET,
        }

    @property
    def receiver_toml(self) -> str:
        """The sources of a ``receiver.toml`` that accepts these callbacks."""
        return (
            f'[[sources]]\nname = "0xpay-main"\nprovider = "0xpay"\naccount = "{ACCOUNT}"\n'
            f'public_url = "{PUBLIC_URL}"\nsecrets = ["env:SAMPLE_0XPAY"]\n\n'
            '[[sources]]\nname = "swaps"\nprovider = "onchainpay"\n'
            'keys = [{ public = "env:SAMPLE_ONCHAINPAY_PUBLIC", secret = "env:SAMPLE_ONCHAINPAY" }]\n\n'
            f'[[sources]]\nname = "calypso"\nprovider = "calypso"\naccount = "{ADDRESS}"\n'
            'keys = [{ public = "env:SAMPLE_CALYPSO_PUBLIC", secret = "env:SAMPLE_CALYPSO" }]\n'
        )

    @property
    def scenarios(self) -> list[str]:
        """Names for ``operation``."""
        return [scenario.name for scenario in SCENARIOS]

    def operation(self, scenario: str = "exchange-withdraw-happy", *, now_s: int | None = None) -> list[SignedCallback]:
        """All callbacks of one fresh operation, in order, signed as of ``now_s`` (Unix s; default: now).

        Raises ``ReceiverError`` for a scenario that is not there.
        """
        found = next((one for one in SCENARIOS if one.name == scenario), None)
        if found is None:
            raise ReceiverError(f"there is no scenario {scenario}; there are {', '.join(self.scenarios)}")
        at_s = int(time.time()) if now_s is None else now_s
        provider, source = self._sources[found.provider]
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
