"""A child process reads the configuration that its supervisor read, with each provider's own keys."""

from __future__ import annotations

from receiver.journal.engines import held_journal
from receiver.service.config.settings import build
from receiver.service.passed_on import passed_on, read_passed_on

PAIR = {"public": "env:P", "secret": "env:S"}
SOURCES = [
    {
        "name": "0xpay-main", "provider": "0xpay", "account": "m", "secrets": ["env:S", "file:/run/secrets/x"],
        "public_url": "https://a.example.com/webhooks/0xpay-main", "freshness_s": 60, "signed_url": "path",
    },
    {"name": "swaps", "provider": "onchainpay", "keys": [PAIR], "poll": {}},
    {"name": "c", "provider": "calypso", "account": "0x1", "poll": {"key": PAIR, "page_size": 7, "every_s": 5}},
    {
        "name": "o", "provider": "cryptoexchange",
        "poll": {
            "base_url": "https://api.example.com/", "order_path": "/o/{id}", "auth_header": "X", "secret": "env:S",
            "fields": {"id": "id", "status": "s"}, "statuses": {"ok": "completed"},
        },
    },
]  # fmt: skip


def test_what_is_passed_on_is_what_was_read() -> None:
    """Each source in its provider's model again; what was not set stays unset."""
    settings = build({"sources": SOURCES, "server": {"port": 1234}}, "receiver.toml")
    with passed_on(settings, held_journal(settings.journal.url, "its-id")) as descriptor:
        read, journal = read_passed_on(descriptor)
    assert read == settings
    assert [type(source) for source in read.sources] == [type(source) for source in settings.sources]
    assert [source.model_fields_set for source in read.sources] == [
        source.model_fields_set for source in settings.sources
    ]
    assert journal.journal_id == "its-id"
