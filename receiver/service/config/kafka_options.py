"""Whether the Kafka client could be made as it is configured; said before anything starts, and without the client."""

from __future__ import annotations

from collections.abc import Mapping

from receiver.model.errors import ConfigurationError
from receiver.publish.kafka.options import option_faults, tls_context
from receiver.service.config.settings import Settings, resolve_client


def need_kafka_options(settings: Settings, environ: Mapping[str, str]) -> None:
    """Raise ``ConfigurationError`` with all that the publish process could not start with; nothing is connected.

    That process would die of it again and again, and after twenty deaths the whole service with it.
    """
    if settings.kafka is None:
        return
    client = resolve_client(settings.kafka, environ)
    faults = option_faults(settings.kafka.bootstrap_servers, client)
    if faults:
        raise ConfigurationError(faults)
    if str(client.get("security_protocol", "PLAINTEXT")).endswith("SSL"):
        tls_context(client)
