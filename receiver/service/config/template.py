"""The configuration file that ``receiver init`` writes: commented, and sound once it is filled in."""

from __future__ import annotations

from collections.abc import Sequence

from receiver.providers.contract import Provider

GENERAL = """\
# The receiver's configuration. Every key, its default and its reason: `receiver docs reference/configuration.md`.
# Secrets are references, never values: "env:NAME" or "file:/run/secrets/name".
# `receiver check` reads this file, resolves them all, and names each fault.

[server]
host = "127.0.0.1"                        # a proxy with TLS stands before it
port = 8080

[admin]
host = "127.0.0.1"                        # /livez, /readyz, /metrics
port = 8081

[journal]
url = "sqlite:var/journal"                # a folder; it holds whole callbacks, card numbers too

# Without this table events stay in the outbox, and `receiver tail` shows them.
# [kafka]
# bootstrap_servers = ["127.0.0.1:9092"]
# topics = { partitions = 6, replication = 1 }   # for `receiver topics create`
# client = { security_protocol = "PLAINTEXT" }   # SASL and TLS; references work here too
"""


def configuration(chosen: Sequence[Provider]) -> str:
    """The file's text, with a source for each of ``chosen``; one that is named twice is there once."""
    return GENERAL + "".join(dict.fromkeys(provider.template for provider in chosen))
