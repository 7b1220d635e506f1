"""The Kafka that is configured: put together from the settings, or refused."""

from __future__ import annotations

from typing import Any

import pytest

from receiver.model.errors import ConfigurationError
from receiver.publish.routing import Rule
from receiver.service.config.settings import Settings, build
from receiver.service.kafka import need_kafka, open_kafka


def settings(**document: Any) -> Settings:
    """A configuration with one source."""
    source = {"name": "swaps", "provider": "onchainpay", "keys": [{"public": "env:P", "secret": "env:S"}]}
    return build({"sources": [source], **document}, "a file")


def test_without_kafka_there_is_none_and_who_needs_it_is_told() -> None:
    """A configuration error, which is exit 2 in every command."""
    assert open_kafka(settings(), {}) is None
    with pytest.raises(ConfigurationError, match=r"^there is no \[kafka\] in the configuration$"):
        need_kafka(settings(), {})


def test_every_key_reaches_the_cluster() -> None:
    """What is left out here would be configured and do nothing."""
    found = need_kafka(
        settings(
            kafka={
                "bootstrap_servers": ["a:1", "b:2"],
                "delivery": "at_least_once",
                "topic_prefix": "eu.",
                "topics": {"partitions": 12, "replication": 3},
                "client": {
                    "security_protocol": "SASL_PLAINTEXT",
                    "sasl_plain_username": "receiver",
                    "sasl_plain_password": "env:PASSWORD",
                },
                "transaction_timeout_s": 40,
                "state_topics": True,
            },
            routes=[{"match": {"kind": "exchange"}, "topic": "mine", "also": True}],
        ),
        {"PASSWORD": "made-up"},
    )
    assert found.options["bootstrap_servers"] == ["a:1", "b:2"]
    assert found.options["sasl_plain_password"] == "made-up"
    assert (found.delivery, found.topic_prefix, found.transaction_timeout_s) == ("at_least_once", "eu.", 40)
    assert (found.partitions, found.replication, found.state_topics) == (12, 3, True)
    assert found.rules == (Rule({"kind": "exchange"}, "mine", also=True),)
    assert "made-up" not in repr(found)


@pytest.mark.parametrize("client", [{"nonsense": 1}, {"sasl_plain_password": "env:NOT_THERE"}])
def test_a_client_that_cannot_be_is_refused_before_anything_connects(client: dict[str, Any]) -> None:
    """An option that is none, a secret that is not there."""
    with pytest.raises(ConfigurationError):
        open_kafka(settings(kafka={"bootstrap_servers": ["a:1"], "client": client}), {})
