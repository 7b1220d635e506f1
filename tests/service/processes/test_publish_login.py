"""The publish process at a broker where one logs in: a new password is used at once, and a refused one is said."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.journal.sqlite.journal import open_journal
from receiver.publish.kafka.cluster import KafkaCluster
from receiver.service.config.settings import build
from receiver.service.process import ProcessContext
from receiver.service.processes import publish
from tests.publish.kafka.guarded import (
    PASSWORD,
    PREFIXED,
    READ,
    TOPIC,
    TRANSACTIONAL_ID,
    WRITE,
    GuardedKafka,
    grant,
    guarded_kafka,
    login,
)
from tests.support import Lines

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedKafka]:
    """A broker where one logs in."""
    with guarded_kafka(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


async def test_a_new_password_is_used_at_once_after_sighup(guarded: GuardedKafka, tmp_path: Path, prefix: str) -> None:
    """While the old one is refused, ``/readyz`` says that and not "no broker answers"."""
    await KafkaCluster(guarded.open, topic_prefix=prefix).create_topics()
    await grant(guarded, TOPIC, prefix, [READ, WRITE], pattern=PREFIXED)
    await grant(guarded, TRANSACTIONAL_ID, "receiver-", [WRITE], pattern=PREFIXED)
    password = tmp_path / "password"
    password.write_text("an old one\n")
    client = {**login(), "sasl_plain_password": f"file:{password}"}
    settings = build(
        {
            "sources": [
                {"name": "swaps", "provider": "onchainpay", "keys": [{"public": "env:P", "secret": "env:S"}]},
            ],
            "kafka": {"bootstrap_servers": [guarded.guarded], "topic_prefix": prefix, "client": client},
        },
        "a file",
    )
    environ = {"P": "made-up-public", "S": "made-up-secret"}
    process = publish.make(ProcessContext(settings, environ, open_journal(tmp_path / "journal"), Lines()))
    running = asyncio.create_task(process.run())
    async with asyncio.timeout(60):
        while not str(process.status()["detail"]).startswith("authentication failed"):
            await asyncio.sleep(0.05)
        assert process.status()["state"] == "down"
        password.write_text(f"{PASSWORD}\n")
        process.reload(environ)
        while process.status()["state"] != "up":
            await asyncio.sleep(0.05)
        assert process.status()["detail"] is None
    process.stop()
    await asyncio.wait_for(running, 20)
