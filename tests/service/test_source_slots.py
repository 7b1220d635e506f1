"""Sources of one account are in one slot, and a process that takes callbacks asks again when it is told to."""

from __future__ import annotations

from typing import Any, cast

import pytest

from receiver.providers.zeroxpay.callbacks import PROVIDER
from receiver.service.source_slots import KnownSlots, source_slots
from tests.support import oxpay_source


class Journal:
    """A journal whose accounts are where a test says."""

    def __init__(self) -> None:
        self.slots = {("0xpay", "m"): 1, ("0xpay", ""): 2, ("0xpay", "n"): 0}
        self.asked: list[tuple[str, str]] = []
        self.closed = 0

    def accounts(self) -> Journal:
        """The store."""
        return self

    def slot_of(self, provider: str, account: str) -> int:
        """As the port has it."""
        self.asked.append((provider, account))
        return self.slots[provider, account]

    def close(self) -> None:
        """As the port has it."""
        self.closed += 1


def sources(**accounts: str | None) -> dict[str, Any]:
    """Name → a source of that account."""
    return {name: (PROVIDER, oxpay_source(name=name, account=account)) for name, account in accounts.items()}


def test_two_sources_of_an_account_are_in_one_slot() -> None:
    """One without an account is somewhere too."""
    journal = Journal()
    assert source_slots(cast("Any", journal), sources(a="m", b="m", c=None)) == {"a": 1, "b": 1, "c": 2}
    assert journal.closed == 1


def test_it_is_known_until_it_is_renewed() -> None:
    """An account that was moved is found where it is."""
    journal = Journal()
    known = KnownSlots(cast("Any", journal), sources(a="m"))
    journal.slots["0xpay", "m"] = 0
    assert known("a") == 1
    known.renew()
    assert known("a") == 0
    with pytest.raises(KeyError):
        known("b")
