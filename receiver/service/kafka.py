"""Kafka as it is configured: its clients' options, and the topics that a record can reach."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any

from receiver.model.errors import ConfigurationError
from receiver.publish.kafka import topics as kafka_topics
from receiver.publish.kafka.client import client_options
from receiver.publish.kafka.tail import Tailed, tail
from receiver.publish.routing import FAMILIES, POSITIONS_TOPIC, reachable_topics, state_topic
from receiver.service.config.settings import KafkaSettings, Settings, resolve_client

NO_KAFKA = "there is no [kafka] in the configuration"


def kafka_options(kafka: KafkaSettings, environ: Mapping[str, str]) -> dict[str, Any]:
    """The options of every Kafka client; raises ``ConfigurationError``."""
    return client_options(kafka.bootstrap_servers, resolve_client(kafka, environ))


def all_topics(settings: Settings) -> list[str]:
    """Every topic that a record can reach, and the positions topic."""
    kafka = _need_kafka(settings)
    rules = [route.rule for route in settings.routes]
    topics = reachable_topics(rules, kafka.topic_prefix, state_topics=kafka.state_topics)
    return [*topics, f"{kafka.topic_prefix}{POSITIONS_TOPIC}"]


async def create_topics(settings: Settings, environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Make what is missing; gives (topic, ``created`` or ``exists``)."""
    kafka = _need_kafka(settings)
    compacted = {state_topic(family, kafka.topic_prefix) for family in FAMILIES}
    specs = [_spec(name, kafka, compacted) for name in all_topics(settings)]
    return await kafka_topics.create_topics(kafka_options(kafka, environ), specs)


def _spec(name: str, kafka: KafkaSettings, compacted: Collection[str]) -> kafka_topics.TopicSpec:
    if name == f"{kafka.topic_prefix}{POSITIONS_TOPIC}":
        return kafka_topics.TopicSpec(name, 1, kafka.topics.replication, kafka_topics.POSITIONS_CONFIGS)
    configs = kafka_topics.STATE_CONFIGS if name in compacted else {}
    return kafka_topics.TopicSpec(name, kafka.topics.partitions, kafka.topics.replication, configs)


async def missing_topics(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """The topics that a record can reach and that are not there."""
    return await kafka_topics.missing_topics(kafka_options(_need_kafka(settings), environ), all_topics(settings))


def tail_kafka(settings: Settings, environ: Mapping[str, str], *, follow: bool) -> AsyncIterator[Tailed]:
    """The status events on Kafka, as a consumer sees them."""
    kafka = _need_kafka(settings)
    rules = [route.rule for route in settings.routes]
    topics = [topic for topic in reachable_topics(rules, kafka.topic_prefix) if not topic.endswith("quarantine.v1")]
    return tail(kafka_options(kafka, environ), topics, follow=follow)


def _need_kafka(settings: Settings) -> KafkaSettings:
    if settings.kafka is None:
        raise ConfigurationError([NO_KAFKA])
    return settings.kafka
