"""The configuration of a desk that has none yet: enough for ``receiver dev`` and the commands that look into it."""

from __future__ import annotations

from collections.abc import Mapping

from receiver.service.config.settings import Settings, build

MADE_UP = {
    "DEV_0XPAY_PRIVATE_KEY": "made-up-0xpay-private-key",
    "DEV_ONCHAINPAY_PUBLIC": "made-up-onchainpay-public-key",
    "DEV_ONCHAINPAY_SECRET": "made-up-onchainpay-secret",
}
"""Secrets of the built-in configuration: fixed, so that a second terminal can sign too; worth nothing."""


def built_in(port: int, admin_port: int) -> Settings:
    """The configuration of a desk without ``receiver.toml``: both providers, the journal under ``var``, no Kafka."""
    return build(
        {
            "server": {"port": port, "shutdown_timeout_s": 5},
            "admin": {"port": admin_port},
            "sources": [
                {
                    "name": "0xpay-main",
                    "provider": "0xpay",
                    "account": "3f0c9a52-6d1e-4b7a-9c58-21e4b7d0a6f3",
                    "public_url": "https://merchant.example.com/webhooks/0xpay-main",
                    "secrets": ["env:DEV_0XPAY_PRIVATE_KEY"],
                },
                {
                    "name": "swaps",
                    "provider": "onchainpay",
                    "keys": [{"public": "env:DEV_ONCHAINPAY_PUBLIC", "secret": "env:DEV_ONCHAINPAY_SECRET"}],
                },
            ],
        },
        "the built-in configuration",
    )


def with_made_up(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment, and the made-up secrets where it has none of those names."""
    return {**MADE_UP, **environ}
