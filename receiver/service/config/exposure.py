"""Settings that are allowed and dangerous: who can read along, who can come in, what is kept for too long. Pure.

Nothing is looked up or opened here; what can only be seen on the machine is in ``service.surroundings``.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from receiver.model.hosts import is_loopback
from receiver.providers.settings import SourceSettings
from receiver.publish.kafka.options import SECRETS
from receiver.service.config.advice import Advice
from receiver.service.config.console_settings import ConsoleSettings
from receiver.service.config.settings import REFERENCE, KafkaSettings, Settings

FRESHNESS_S_MAX = 3600
"""A captured callback of a provider that signs the time can be sent again for so long."""
KEEP_ALIVE_S_MAX = 900
"""The longest that a usual load balancer keeps an idle connection, and some room."""
BODY_BYTES_MAX = 1024 * 1024
"""A thousand times what providers send."""
DISK_FREE_BYTES_MIN = 16 * 1024 * 1024
"""A commit, its write-ahead log and what others write in the same second need about that."""
KEPT_REJECTS_MAX = 10_000
EXAMPLES = ("example.com", "example.net", "example.org")
"""Names that belong to nobody's service (RFC 2606, section 3)."""


def exposures(settings: Settings) -> list[Advice]:
    """A sentence for each setting that is allowed and dangerous."""
    found = [*_listeners(settings), *_limits(settings), *_copies(settings)]
    if settings.kafka is not None:
        found += _kafka(settings.kafka)
    for number, source in enumerate(settings.sources):
        found += _source(f"sources.{number} ({source.name})", source)
    return found


def _listeners(settings: Settings) -> Iterator[Advice]:
    if not is_loopback(settings.admin.host):
        what = f"{settings.admin.host} is not loopback: whoever reaches it reads names, numbers and states, unasked"
        yield Advice("admin.host", what, "set 127.0.0.1, or let a firewall or network policy through to probes alone")
    yield from _console(settings.console)
    if not is_loopback(settings.server.host):
        what = f"where no proxy stands before {settings.server.host}, callers reach it themselves, and without TLS"
        mend = "set 127.0.0.1 behind a proxy on this machine; `receiver docs operate/proxies.md`"
        yield Advice("server.host", what, mend, note=True)


def _console(console: ConsoleSettings) -> Iterator[Advice]:
    if not console.enabled:
        return
    if not is_loopback(console.host):
        what = f"{console.host} is not loopback: without TLS tokens and pages can be read on the way"
        mend = "set 127.0.0.1 behind a proxy with TLS; `receiver docs operate/console.md`"
        yield Advice("console.host", what, mend, note=True)
    elif console.hosts and console.token is None and not console.trust_user_header:
        what = f"whoever reaches it as {console.hosts[0]} reads all there is, unless the proxy asks who they are"
        yield Advice("console.hosts", what, "set console.token, or console.trust_user_header")


def _limits(settings: Settings) -> Iterator[Advice]:
    server, journal = settings.server, settings.journal
    if server.keep_alive_s > KEEP_ALIVE_S_MAX:
        what = f"{server.keep_alive_s} s: connections of callers that are long gone are held as long"
        yield Advice("server.keep_alive_s", what, f"a load balancer needs no more than {KEEP_ALIVE_S_MAX}")
    if server.body_bytes_max > BODY_BYTES_MAX:
        what = f"{server.body_bytes_max} bytes are read of everybody whose headers have the right shape"
        yield Advice("server.body_bytes_max", what, "providers send about 1 KiB: 262144 leaves room enough")
    if journal.disk_free_bytes_min < DISK_FREE_BYTES_MIN:
        what = f"{journal.disk_free_bytes_min} bytes: the disk is full before callbacks are refused, and commits fail"
        yield Advice("journal.disk_free_bytes_min", what, f"set {DISK_FREE_BYTES_MIN} or more; 67108864 is the default")
    if settings.rejects.kept_max > KEPT_REJECTS_MAX:
        what = f"{settings.rejects.kept_max} callbacks of strangers are kept, as large as they please"
        yield Advice("rejects.kept_max", what, "a sample of 1000 explains what goes wrong")


def _copies(settings: Settings) -> Iterator[Advice]:
    if settings.quarantine.publish_body:
        what = "bodies, with whole card numbers in them, go to a Kafka topic, and to all its readers and copies"
        yield Advice("quarantine.publish_body", what, "set false: the journal keeps the body for you")
    if settings.journal.retention_days == 0:
        what = "callbacks, with whole card numbers in them, are kept for ever, and the disk fills"
        yield Advice("journal.retention_days", what, "set the days that you must be able to look back", note=True)


def _kafka(kafka: KafkaSettings) -> Iterator[Advice]:
    protocol = str(kafka.client.get("security_protocol", "PLAINTEXT"))
    strangers = [one for one in kafka.bootstrap_servers if not is_loopback(_host_of(one))]
    if strangers and protocol == "SASL_PLAINTEXT":
        what = f"SASL_PLAINTEXT sends the password, and all events, to {strangers[0]} for everybody on the way to read"
        yield Advice("kafka.client.security_protocol", what, "set SASL_SSL")
    elif strangers and protocol == "PLAINTEXT":
        what = f"all events go to {strangers[0]} in clear, and whoever answers there is taken for Kafka"
        yield Advice("kafka.client.security_protocol", what, "set SSL or SASL_SSL", note=True)
    for key in sorted(SECRETS & set(kafka.client)):
        if REFERENCE.fullmatch(str(kafka.client[key])) is None:
            what = "the password itself stands in the configuration, and in every copy of that"
            yield Advice(f"kafka.client.{key}", what, "put a reference, `env:NAME` or `file:/path`")
    if strangers and kafka.topics.replication == 1:
        what = "topics that `receiver topics create` makes have one copy: with that broker's disk the events are gone"
        yield Advice("kafka.topics.replication", what, "set 3 where there are three brokers", note=True)
    if kafka.delivery == "at_least_once":
        what = "events can be on their topics twice after a failure"
        yield Advice("kafka.delivery", what, "set exactly_once unless the brokers have no transactions", note=True)


def _source(place: str, source: SourceSettings) -> Iterator[Advice]:
    usual = source.usual
    if usual.freshness_s > FRESHNESS_S_MAX:
        what = f"{usual.freshness_s} s: whoever captures a callback can send it again for as long"
        yield Advice(f"{place}.freshness_s", what, f"300 is the default; {FRESHNESS_S_MAX} covers a clock that is off")
    if usual.public_url is not None:
        yield from _public_url(f"{place}.public_url", usual.public_url)
    base_url = getattr(usual.poll, "base_url", None)
    if base_url is not None and base_url.startswith("http:"):
        what = f"{base_url} is asked in clear: keys and answers can be read, and answers made up, on the way"
        yield Advice(f"{place}.poll.base_url", what, "set the https URL")


def _public_url(place: str, url: str) -> Iterator[Advice]:
    host = (urlsplit(url).hostname or "").rstrip(".")
    if url.startswith("http:") and not is_loopback(host):
        what = "the provider sends callbacks in clear: they can be read on the way"
        yield Advice(place, what, "register an https URL")
    if any(host == one or host.endswith(f".{one}") for one in EXAMPLES):
        what = f"{host} is a name for examples, which no provider can reach"
        yield Advice(place, what, "put the URL that is registered at the provider, letter for letter")


def _host_of(server: str) -> str:
    host, _, port = server.rpartition(":")
    return (host if host and port.isdecimal() else server).strip("[]")
