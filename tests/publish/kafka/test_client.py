"""What the Kafka adapters share: options of the client, and its errors in our words."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from aiokafka import errors

from receiver.model.errors import ConfigurationError, KafkaFenced, KafkaUnavailable, RecordRefused
from receiver.publish.kafka import client
from receiver.publish.kafka.client import FENCED, client_options, close_quietly, translate, translated
from receiver.publish.kafka.topics import missing_topics


async def test_no_broker_is_said_in_one_sentence() -> None:
    """Not a traceback."""
    with pytest.raises(KafkaUnavailable, match="no broker answers"):
        await missing_topics(client_options(["127.0.0.1:1"], {}), ["a"])


@pytest.mark.parametrize(
    ("client", "says"),
    [
        ({"nonsense": 1}, "kafka.client.nonsense: no such option"),
        ({"security_protocol": "SSL", "ssl_cafile": "/nowhere.pem"}, "the certificates cannot be used"),
    ],
)
def test_client_options_that_cannot_be(client: dict[str, Any], says: str) -> None:
    """Named by key, before anything connects."""
    with pytest.raises(ConfigurationError, match=says):
        client_options(["a:1"], client)


def test_sasl_and_tls_are_passed_through() -> None:
    """As configured, certificates loaded."""
    sasl = {"security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512", "sasl_plain_username": "u"}
    options = client_options(["a:1"], {**sasl, "sasl_plain_password": "p"})
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert options["ssl_context"].check_hostname


@pytest.mark.parametrize("error", FENCED)
def test_whatever_says_that_we_are_not_the_newest_is_fenced(error: type[errors.KafkaError]) -> None:
    """The relay then starts anew, and asks Kafka how far it came."""
    assert isinstance(translate(error()), KafkaFenced)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (errors.KafkaConnectionError(), "no broker answers"),
        (ConnectionRefusedError(), "no broker answers"),
        (errors.KafkaTimeoutError(), "did not answer in time"),
        (TimeoutError(), "did not answer in time"),
        (errors.NotLeaderForPartitionError("events-0"), "NotLeaderForPartitionError"),
        (ValueError("a password"), "^ValueError$"),
    ],
)
def test_everything_else_is_unavailable_and_says_what_it_is(error: Exception, says: str) -> None:
    """In a sentence for people; the text of an error that is not the client's could quote anything."""
    with pytest.raises(KafkaUnavailable, match=says):
        raise translate(error)


def test_an_error_of_ours_stays_what_it_is() -> None:
    """It was put into our words before."""
    ours = RecordRefused(1, "too large")
    assert translate(ours) is ours


async def test_a_question_that_takes_too_long_is_given_up() -> None:
    """A broker that neither answers nor refuses counts as away."""
    with pytest.raises(KafkaUnavailable, match="did not answer in time"):
        async with translated(0.01):
            await asyncio.sleep(5)


async def test_a_client_that_cannot_stop_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its broker is away; whoever closes it goes on."""

    class Stuck:
        async def stop(self) -> None:
            await asyncio.sleep(3600)

    monkeypatch.setattr("receiver.publish.kafka.client.CLOSE_TIMEOUT_S", 0.01)
    await asyncio.wait_for(close_quietly(Stuck()), 60)


def test_clients_are_made_in_one_place() -> None:
    """There they are kept from making topics by asking for them."""
    folder = Path(client.__file__).parent
    made = {
        path.name: [
            line for line in path.read_text("utf-8").splitlines() if re.search(r"= AIOKafka\w+\(|return AIO", line)
        ]
        for path in folder.glob("*.py")
    }
    assert {name for name, lines in made.items() if lines} == {"client.py"}
    assert len(made["client.py"]) == 3


def test_what_a_client_knows_of_topics_is_at_most_so_old_unless_configured() -> None:
    """Younger than the 30 s within which ``/readyz`` is to say that somebody changed one."""
    assert client_options(["a:1"], {})["metadata_max_age_ms"] < 30_000
    assert client_options(["a:1"], {"metadata_max_age_ms": 5})["metadata_max_age_ms"] == 5
