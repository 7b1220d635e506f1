"""The Kafka that is configured, put together here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping

from receiver.model.errors import ConfigurationError
from receiver.publish.kafka.client import client_options
from receiver.publish.kafka.cluster import KafkaCluster
from receiver.publish.kafka.options import option_notes
from receiver.service.config.settings import Settings, resolve_client

NO_KAFKA = "there is no [kafka] in the configuration"


def open_kafka(settings: Settings, environ: Mapping[str, str]) -> KafkaCluster | None:
    """The cluster as it is configured, None where there is no ``[kafka]``; nothing is connected yet.

    Raises ``ConfigurationError`` for a secret that is not there, an option that is none, an unreadable certificate.
    """
    kafka = settings.kafka
    if kafka is None:
        return None
    return KafkaCluster(
        options=client_options(kafka.bootstrap_servers, resolve_client(kafka, environ)),
        topic_prefix=kafka.topic_prefix,
        rules=tuple(route.rule for route in settings.routes),
        state_topics=kafka.state_topics,
        delivery=kafka.delivery,
        transaction_timeout_s=kafka.transaction_timeout_s,
        partitions=kafka.topics.partitions,
        replication=kafka.topics.replication,
    )


def need_kafka(settings: Settings, environ: Mapping[str, str]) -> KafkaCluster:
    """The same; raises ``ConfigurationError`` where there is no ``[kafka]`` too."""
    kafka = open_kafka(settings, environ)
    if kafka is None:
        raise ConfigurationError([NO_KAFKA])
    return kafka


def kafka_notes(settings: Settings) -> list[str]:
    """What is configured for Kafka's client and does nothing, a sentence each."""
    return [] if settings.kafka is None else option_notes(settings.kafka.client)
