"""Real brokers that are not as ours are: with access control and passwords, or that make every topic asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Float64, Int8, Int16, Int32, Schema, String
from kafka_local import LocalKafka, running

from receiver.publish.kafka.client import admin_client, client_options
from receiver.publish.kafka.internals import client_of
from tests.ports import free_port

USER, PASSWORD = "receiver", "made-up"
TOPIC, CLUSTER, TRANSACTIONAL_ID = 2, 4, 5
LITERAL, PREFIXED = 3, 4
READ, WRITE, DESCRIBE, DESCRIBE_CONFIGS = 3, 4, 8, 10

ACCESS = """\
listeners=PLAINTEXT://127.0.0.1:{port},SASL_PLAINTEXT://127.0.0.1:{guarded},SASL_SSL://127.0.0.1:{secure},\
CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},SASL_PLAINTEXT://127.0.0.1:{guarded},SASL_SSL://127.0.0.1:{secure}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config={module} required \
user_receiver="made-up" user_stranger="made-up-too";
listener.name.sasl_ssl.plain.sasl.jaas.config={module} required \
user_receiver="made-up" user_stranger="made-up-too";
ssl.keystore.type=PEM
ssl.keystore.location={certificate}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
allow.everyone.if.no.acl.found=false
"""


PLAIN_LOGIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
CERTIFICATES = Path(__file__).parent / "certificates"


@dataclass(frozen=True)
class GuardedKafka:
    """A broker on whose second listener one logs in, and may do what was granted; on the first one may do all.

    The third listener is as the second, over TLS, with the certificate ``sound`` of ``certificates``.
    """

    broker: LocalKafka
    guarded: str
    secure: str

    def options(self, user: str = USER, password: str = PASSWORD) -> dict[str, Any]:
        """Of a client that logs in."""
        return client_options([self.guarded], login(user, password))

    @property
    def open(self) -> dict[str, Any]:
        """Of a client that may do all."""
        return client_options([self.broker.bootstrap], {})


def login(user: str = USER, password: str = PASSWORD) -> dict[str, str]:
    """``kafka.client`` of who logs in."""
    return {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": user,
        "sasl_plain_password": password,
    }


@contextmanager
def guarded_kafka(folder: Path) -> Iterator[GuardedKafka]:
    """Start one."""
    port, guarded, secure, controller = (free_port() for _ in range(4))
    properties = ACCESS.format(
        port=port,
        guarded=guarded,
        secure=secure,
        controller=controller,
        module=PLAIN_LOGIN,
        certificate=CERTIFICATES / "sound.pem",
    )
    with running(folder, port=port, controller=controller, properties=properties) as broker:
        yield GuardedKafka(broker, f"127.0.0.1:{guarded}", f"127.0.0.1:{secure}")


class _AclsAnswer(Response):  # type: ignore[misc]
    API_KEY = 30
    API_VERSION = 1
    SCHEMA = Schema(("throttle_time_ms", Int32), ("results", Array(("error_code", Int16), ("error_message", String()))))


class _AclsQuestion(RequestStruct):  # type: ignore[misc]
    API_KEY = 30
    API_VERSION = 1
    RESPONSE_TYPE = _AclsAnswer
    SCHEMA = Schema(
        (
            "creations",
            Array(
                ("resource_type", Int8),
                ("resource_name", String()),
                ("pattern", Int8),
                ("principal", String()),
                ("host", String()),
                ("operation", Int8),
                ("permission", Int8),
            ),
        )
    )


class _Acls(Request[_AclsQuestion]):  # type: ignore[misc]
    API_KEY = 30

    def __init__(self, creations: Sequence[tuple[Any, ...]]) -> None:
        self._creations = list(creations)

    def build(self, request_struct_class: type[_AclsQuestion]) -> _AclsQuestion:
        return request_struct_class(self._creations)


async def grant(
    kafka: GuardedKafka, kind: int, name: str, operations: Collection[int], *, pattern: int = LITERAL, user: str = USER
) -> None:
    """Allow a user some operations."""
    rows = [(kind, name, pattern, f"User:{user}", "*", operation, 3) for operation in operations]
    async with admin_client(kafka.open) as admin:
        answer = await admin._send_request(_Acls(rows))
        assert [code for code, _ in answer.results] == [0] * len(rows)


class _QuotaAnswer(Response):  # type: ignore[misc]
    API_KEY = 49
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "entries",
            Array(
                ("error_code", Int16),
                ("error_message", String()),
                ("entity", Array(("kind", String()), ("name", String()))),
            ),
        ),
    )


class _QuotaQuestion(RequestStruct):  # type: ignore[misc]
    API_KEY = 49
    API_VERSION = 0
    RESPONSE_TYPE = _QuotaAnswer
    SCHEMA = Schema(
        (
            "entries",
            Array(
                ("entity", Array(("kind", String()), ("name", String()))),
                ("ops", Array(("key", String()), ("value", Float64), ("remove", Int8))),
            ),
        ),
        ("validate_only", Int8),
    )


class _Quota(Request[_QuotaQuestion]):  # type: ignore[misc]
    API_KEY = 49

    def __init__(self, entity: Mapping[str, str], rate: float) -> None:
        self._entries = [(list(entity.items()), [("producer_byte_rate", rate, 0)])]

    def build(self, request_struct_class: type[_QuotaQuestion]) -> _QuotaQuestion:
        return request_struct_class(self._entries, 0)


async def throttle(kafka: GuardedKafka, entity: Mapping[str, str], rate: float) -> None:
    """Set a produce quota, bytes/s."""
    async with admin_client(kafka.open) as admin:
        answer = await client_of(admin).send(client_of(admin).get_random_node(), _Quota(entity, rate))
        assert [entry[0] for entry in answer.entries] == [0]
