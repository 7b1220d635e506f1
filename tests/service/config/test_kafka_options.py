"""A Kafka client that could not be made is a faulty configuration, and that is said before anything starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from receiver.model.errors import ConfigurationError
from receiver.service.config.kafka_options import need_kafka_options
from receiver.service.config.settings import Settings, build
from tests.service.config.tables import SWAPS

PASSWORD = {"security_protocol": "SASL_SSL", "sasl_plain_username": "u", "sasl_plain_password": "env:NOT_THERE"}
SERVERS = ["127.0.0.1:9092"]
FAULTY = [
    ({"bootstrap_servers": ["http://kafka:9092"]}, "begins with a scheme"),
    ({"bootstrap_servers": SERVERS, "client": {"security_protocol": "SASL-SSL"}}, "SASL_SSL is meant?"),
    ({"bootstrap_servers": SERVERS, "client": PASSWORD}, "the environment has no NOT_THERE"),
    ({"bootstrap_servers": SERVERS, "client": {"security_protocol": "SSL", "ssl_cafile": "/none"}}, "/none: No such"),
    ({"bootstrap_servers": SERVERS, "client": {"security_protocol": "SSL", "ssl_cafile": __file__}}, "cannot be used"),
]


def settings(folder: Path, **tables: Any) -> Settings:
    """A configuration whose journal is not made yet."""
    return build({"journal": {"url": f"sqlite:{folder}/journal"}, "sources": [SWAPS], **tables}, "a file")


@pytest.mark.parametrize(("kafka", "says"), FAULTY)
def test_what_the_publish_process_would_die_of_is_said(tmp_path: Path, kafka: dict[str, Any], says: str) -> None:
    """It would die twenty times, and then the service would end, which took callbacks until then."""
    with pytest.raises(ConfigurationError) as refused:
        need_kafka_options(settings(tmp_path, kafka=kafka), {})
    assert says in str(refused.value.faults)


def test_what_is_sound_is_not(tmp_path: Path) -> None:
    """Whether a broker is there does not matter."""
    need_kafka_options(settings(tmp_path), {})
    need_kafka_options(settings(tmp_path, kafka={"bootstrap_servers": SERVERS}), {})
    need_kafka_options(settings(tmp_path, kafka={"bootstrap_servers": SERVERS, "client": PASSWORD}), {"NOT_THERE": "x"})


def test_a_service_does_not_begin_with_it(tmp_path: Path) -> None:
    """Exit 2 with a sentence, as of every command; no journal is made."""
    source = 'name = "swaps"\nprovider = "onchainpay"\nkeys = [{ public = "env:PUBLIC", secret = "env:KEY" }]\n'
    journal, kafka = f'[journal]\nurl = "sqlite:{tmp_path}/journal"\n', '[kafka]\nbootstrap_servers = ["kafka:port"]\n'
    file = tmp_path / "receiver.toml"
    file.write_text(f"{journal}{kafka}[[sources]]\n{source}")
    done = subprocess.run(
        [sys.executable, "-m", "receiver", "serve", "--config", str(file)],
        env={**os.environ, "PUBLIC": "p" * 16, "KEY": "k" * 16},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("receiver: kafka.bootstrap_servers: 'kafka:port' has no number for a port: ")
    assert not (tmp_path / "journal").exists()


def test_the_client_is_not_imported_for_it() -> None:
    """The supervisor lives as long as the service, and has no use for it."""
    program = "import sys, receiver.service.supervisor, receiver.service.config.kafka_options\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "aiokafka" not in done.stdout.split()
