"""Sources as they stand in a file, and what is wrong with a document."""

from __future__ import annotations

from typing import Any

import pytest

from receiver.model.errors import ConfigurationError
from receiver.service.config.settings import build
from receiver.service.config.sources import resolve_sources

SECRET = "hunter2-made-up"


OXPAY: dict[str, Any] = {
    "name": "0xpay-main", "provider": "0xpay", "account": "m", "public_url": "https://a.example.com/webhooks/0xpay-main",
    "secrets": ["env:KEY"],
}  # fmt: skip


SWAPS: dict[str, Any] = {
    "name": "swaps",
    "provider": "onchainpay",
    "keys": [{"public": "env:PUBLIC", "secret": "env:KEY"}],
}


ENVIRON = {"KEY": SECRET, "PUBLIC": "made-up-public"}


def faults(document: dict[str, Any]) -> list[str]:
    """The faults of a document; none may quote a value."""
    with pytest.raises(ConfigurationError) as refused:
        resolve_sources(build(document, "receiver.toml"), ENVIRON)
    assert not any(SECRET in fault for fault in refused.value.faults)
    return refused.value.faults


API_KEY = {"public": "env:API", "secret": "env:API_SECRET"}


CALYPSO: dict[str, Any] = {"name": "c", "provider": "calypso", "account": "0x1", "poll": {"key": API_KEY}}


POLL: dict[str, Any] = {
    "base_url": "https://api.example.com",
    "order_path": "/orders/{id}",
    "auth_header": "X-Key",
    "secret": "env:KEY",
    "fields": {"id": "id", "status": "status"},
    "statuses": {"ok": "completed"},
}


ORDERS: dict[str, Any] = {"name": "o", "provider": "cryptoexchange", "poll": POLL}
