"""Each process has its own secrets and no others, in its environment and in what it makes of it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from receiver.model.errors import ConfigurationError
from receiver.service.config.settings import build
from receiver.service.launch import environment
from receiver.service.own_secrets import foreign_variables, sources_for
from receiver.service.process import Role

ENVIRON = {
    "WEBHOOK": "w", "OLD": "o", "PUBLIC": "p", "SECRET": "s", "ASK_PUBLIC": "ap", "ASK_SECRET": "as", "KAFKA": "k",
    "TOKEN": "t", "AT_REST": bytes(range(32)).hex(), "PATH": "/bin",
}  # fmt: skip
SETTINGS = build(
    {
        "journal": {"keys": ["env:AT_REST"]},
        "console": {"token": "env:TOKEN"},
        "kafka": {"bootstrap_servers": ["h:1"], "client": {"sasl_plain_password": "env:KAFKA"}},
        "sources": [
            {
                "name": "main",
                "provider": "0xpay",
                "account": "a",
                "public_url": "https://h/webhooks/main",
                "secrets": ["env:WEBHOOK"],
                "retired_secrets": ["env:OLD"],
            },
            {
                "name": "swaps",
                "provider": "onchainpay",
                "keys": [{"public": "env:PUBLIC", "secret": "env:SECRET"}],
                "poll": {"key": {"public": "env:ASK_PUBLIC", "secret": "env:ASK_SECRET"}},
            },
        ],
    },
    "here",
)
OWN: Mapping[Role, set[str]] = {
    "intake": {"AT_REST", "WEBHOOK", "PUBLIC", "SECRET"},
    "interpret": {"AT_REST"},
    "publish": {"AT_REST", "KAFKA"},
    "reconcile": {"AT_REST", "PUBLIC", "SECRET", "ASK_PUBLIC", "ASK_SECRET"},
    "traces": {"AT_REST"},
    "console": {"AT_REST", "WEBHOOK", "OLD", "PUBLIC", "SECRET", "KAFKA", "TOKEN"},
}


@pytest.mark.parametrize("role", list(OWN))
def test_a_child_is_started_with_its_own_secrets(role: Role) -> None:
    """And with all else that there is."""
    given = environment(ENVIRON, foreign_variables(SETTINGS, role))
    assert set(given) - {"PYTHONPATH"} == OWN[role] | {"PATH"}
    assert set(sources_for(SETTINGS, given, role)) == {"main", "swaps"}


def test_what_a_process_does_not_need_it_does_not_hold() -> None:
    """Nor is there an empty secret in its place, by which anybody could sign."""
    for role in OWN:
        sources = sources_for(SETTINGS, ENVIRON, role)
        (main, swaps) = (sources[name][1] for name in ("main", "swaps"))
        assert main.secrets == ((b"w",) if role in {"intake", "console"} else ())
        assert swaps.keys == ({b"p": (b"s",)} if role in {"intake", "console"} else {})
        assert swaps.access is not None
        assert (swaps.access.public, swaps.access.secret) == ((b"ap", b"as") if role == "reconcile" else (b"", b""))
        assert b"" not in main.secrets


def test_what_it_does_need_must_be_there() -> None:
    """As ever, by name."""
    with pytest.raises(ConfigurationError, match="WEBHOOK"):
        sources_for(SETTINGS, {}, "intake")
