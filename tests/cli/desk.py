"""A desk for commands: a configuration, its secrets, and a journal on disk, without a service or a Kafka."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from receiver.cli.context import hold_configured, open_configured
from receiver.cli.main import run
from receiver.model.callback import Headers, RawCallback, VerifiedCallback
from receiver.operate.import_callbacks import Checked, import_callbacks
from tests.support import ACCOUNT, NOW_S, ONCHAINPAY_VECTORS

PAIR: dict[str, str] = next(iter(ONCHAINPAY_VECTORS["keys"].values()))
CONFIGURATION = f"""
[journal]
url = "sqlite:{{folder}}/journal"

[[sources]]
name = "0xpay-main"
provider = "0xpay"
account = "{ACCOUNT}"
public_url = "https://merchant.example.com/webhooks/0xpay-main"
secrets = ["env:OXPAY_PRIVATE_KEY"]
retired_secrets = ["env:OXPAY_OLD_KEY"]

[[sources]]
name = "swaps"
provider = "onchainpay"
keys = [{{{{ public = "env:ONCHAINPAY_PUBLIC", secret = "env:ONCHAINPAY_SECRET" }}}}]
poll = {{{{ enabled = false }}}}
"""
SECRETS = {
    "OXPAY_PRIVATE_KEY": "made-up",
    "OXPAY_OLD_KEY": "made-up-before",
    "ONCHAINPAY_PUBLIC": PAIR["public"],
    "ONCHAINPAY_SECRET": PAIR["secret"],
}


@dataclass(frozen=True)
class Desk:
    """Runs commands, and puts callbacks into the journal as a service would."""

    config: Path
    said: pytest.CaptureFixture[str]

    def run(self, *command: str, code: int = 0) -> tuple[str, str]:
        """One command, whose options come last, with its expected exit code; gives stdout and stderr."""
        done = run([*command, "--config", str(self.config)])
        out, err = self.said.readouterr()
        assert done == code, err
        return out, err

    def lines(self, *command: str) -> list[Any]:
        """What a command prints as JSON Lines."""
        return [json.loads(line) for line in self.run(*command, "--json")[0].splitlines()]

    def fails(self, *command: str, code: int = 1) -> str:
        """What a command says that fails; it prints nothing else."""
        out, err = self.run(*command, code=code)
        assert out == ""
        assert "Traceback" not in err
        return err

    def signed(self, source: str, body: bytes, at_s: int = NOW_S, more: Headers = ()) -> VerifiedCallback:
        """A genuine callback, with more headers where there are some."""
        provider, found = open_configured(self.config).context.sources[source]
        return VerifiedCallback(source, at_s * 1_000_000, (*provider.sign(body, found, at_s), *more), body)

    def take(self, source: str, bodies: Sequence[bytes], at_s: int = NOW_S, more: Headers = ()) -> None:
        """Put callbacks into the journal, and interpret them; a second lies between any two."""
        callbacks = [self.signed(source, body, at_s + place, more) for place, body in enumerate(bodies)]
        with hold_configured(open_configured(self.config)) as held:
            work = import_callbacks(held, Checked(callbacks, 0), publish=True, advance=lambda _: None)
            asyncio.run(work)

    def interpret(self) -> None:
        """Carry out what was asked for, as a service does that is started."""
        self.take("swaps", [])

    def refuse(self, source: str, body: bytes, headers: tuple[tuple[bytes, bytes], ...]) -> None:
        """Keep a callback in the sample of those that failed."""
        with hold_configured(open_configured(self.config)) as held:
            store = held.journal.rejects(write=True)
            store.add(RawCallback(source, NOW_S * 1_000_000, headers, body), "signature", 10)
            store.close()
