"""Brokers with access control and passwords, each behind a proxy, and the administrator who may do everything.

The service logs in and goes through the proxies. Administrator and oracle use a listener of their own, past all that
is broken.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from confluent_kafka.admin import AclOperation, ResourceType  # type: ignore[attr-defined]
from kafka_local import LocalKafka

from tests.chaos.administrator import Administrator, Right, right
from tests.chaos.proxy import Proxy
from tests.ports import free_port

USER, PASSWORD = "receiver", "made-up-kafka-password"
CLIENT = {
    "security_protocol": "SASL_PLAINTEXT",
    "sasl_mechanism": "PLAIN",
    "sasl_plain_username": USER,
    "sasl_plain_password": "env:CHAOS_KAFKA_PASSWORD",
}
"""``kafka.client`` of the service."""
ACCESS = """\
listeners=PLAINTEXT://127.0.0.1:{port},SASL_PLAINTEXT://127.0.0.1:{guarded},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},SASL_PLAINTEXT://127.0.0.1:{proxy}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
user_{user}="{password}";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
allow.everyone.if.no.acl.found=false
"""
TRANSACTIONS = right(USER, ResourceType.TRANSACTIONAL_ID, "receiver-", AclOperation.WRITE, prefixed=True)


class Cluster:
    """One broker, or a few that keep copies of each other's records."""

    def __init__(self, folder: Path, count: int) -> None:
        self.brokers: list[LocalKafka] = []
        self.proxies: list[Proxy] = []
        controllers = [free_port() for _ in range(count)]
        voters = ",".join(f"{node}@127.0.0.1:{port}" for node, port in enumerate(controllers, start=1))
        for node, controller in enumerate(controllers, start=1):
            port, guarded, proxy = free_port(), free_port(), free_port()
            properties = ACCESS.format(
                port=port, guarded=guarded, proxy=proxy, controller=controller, user=USER, password=PASSWORD
            )
            broker = LocalKafka(
                folder / f"kafka-{node}",
                port=port,
                node=node,
                controller=controller,
                voters=voters,
                replication=count,
                min_isr=2 if count > 1 else 1,
                properties=properties,
            )
            self.brokers.append(broker)
            self.proxies.append(Proxy(proxy, guarded))

    async def start(self) -> None:
        """Start all of it, and wait until it answers."""
        for broker, proxy in zip(self.brokers, self.proxies, strict=True):
            broker.start()
            await proxy.start()
        await asyncio.gather(*(asyncio.to_thread(broker.wait_ready) for broker in self.brokers))
        self.administrator = Administrator(self.open)

    @property
    def open(self) -> str:
        """Addresses at which everybody may do everything, past the proxies."""
        return ",".join(f"127.0.0.1:{broker.port}" for broker in self.brokers)

    @property
    def guarded(self) -> str:
        """Addresses of the proxies, behind which the service logs in."""
        return '", "'.join(f"127.0.0.1:{proxy.port}" for proxy in self.proxies)

    def let_in(self, prefix: str) -> None:
        """Allow the service what it needs, but to write to topics: ``let_write`` allows that for each one."""
        looks = (AclOperation.READ, AclOperation.DESCRIBE, AclOperation.DESCRIBE_CONFIGS, AclOperation.CREATE)
        rights = [right(USER, ResourceType.TOPIC, prefix, one, prefixed=True) for one in looks]
        describe = right(USER, ResourceType.TRANSACTIONAL_ID, "receiver-", AclOperation.DESCRIBE, prefixed=True)
        self.administrator.grant([*rights, TRANSACTIONS, describe])

    def let_write(self, prefix: str) -> None:
        """Allow the service to write to each topic of its own that there is."""
        self.administrator.grant(
            [may_write(topic) for topic in self.administrator.topics() if topic.startswith(prefix)]
        )

    async def stop(self) -> None:
        """Leave nothing running."""
        for proxy in self.proxies:
            await proxy.stop()
        for broker in self.brokers:
            await asyncio.to_thread(broker.kill)


def may_write(topic: str) -> Right:
    """The service's right to write to one topic; in the cluster it outlives the topic."""
    return right(USER, ResourceType.TOPIC, topic, AclOperation.WRITE)
