"""The configuration file that ``receiver init`` writes: commented, and sound once its secrets exist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

GENERAL = """\
# The receiver's configuration. Every key, its default and its reason: README.md, "Configuration".
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

OXPAY = """
[[sources]]
name = "0xpay-main"                       # its URL is /webhooks/0xpay-main
provider = "0xpay"
account = "00000000-0000-0000-0000-000000000000"               # your merchant id
public_url = "https://merchant.example.com/webhooks/0xpay-main"   # exactly as in the merchant settings: it is signed
secrets = ["env:OXPAY_PRIVATE_KEY"]       # a list, so that it can rotate
"""

ONCHAINPAY = """
[[sources]]
name = "swaps"                            # give https://<your host>/webhooks/swaps as webhookUrl of auto-swaps/create
provider = "onchainpay"
keys = [{ public = "env:ONCHAINPAY_PUBLIC", secret = "env:ONCHAINPAY_SECRET" }]
# poll = {}                               # ask the API what became of open swaps; signed with the key pair above
# poll = { base_url = "https://app.apollopayment.io/api-gateway" }   # a white label
"""

CALYPSO = """
[[sources]]
name = "calypso"                          # give https://<your host>/webhooks/calypso as url of the subscription
provider = "calypso"
account = "0x0000000000000000000000000000000000000000"         # your account
keys = [{ public = "env:CALYPSO_PUBLIC", secret = "env:CALYPSO_SECRET" }]   # of the subscription, not of the API

# No webhook tells of an exchange: ask, with the key pair of the API.
# [sources.poll]
# key = { public = "env:CALYPSO_API_KEY", secret = "env:CALYPSO_API_SECRET" }
"""

CRYPTOEXCHANGE = """
[[sources]]
name = "orders"                           # no callback is known of it: it is only asked
provider = "cryptoexchange"

[sources.poll]                            # its documents name none of this: fill in what you were told
base_url = "https://api.example.com"
order_path = "/orders/{id}"
auth_header = "Authorization"
secret = "env:CRYPTOEXCHANGE_AUTHORIZATION"   # the header's whole value
fields = { id = "id", status = "status" }     # also spent_amount, payout_destination, …: README
statuses = { pending = "pending", done = "completed", error = "failed" }   # any other word is quarantined
"""

SOURCES: Mapping[str, str] = {
    "0xpay": OXPAY,
    "onchainpay": ONCHAINPAY,
    "calypso": CALYPSO,
    "cryptoexchange": CRYPTOEXCHANGE,
}


def configuration(providers: Sequence[str]) -> str:
    """The file's text, with a source for each of ``providers``."""
    return GENERAL + "".join(SOURCES[provider] for provider in dict.fromkeys(providers))
