"""What a person with all rights can do to a cluster: set topics, delete them, take rights away, limit who writes."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    ResourcePatternType,
    ResourceType,
)

WAIT_S = 30
ALTER_QUOTAS = 49
"""The number of Kafka's request for it, which librdkafka does not have."""
Right = AclBinding


def right(
    user: str, kind: ResourceType, name: str, operation: AclOperation, *, prefixed: bool = False, deny: bool = False
) -> Right:
    """What a user may do with a topic or a transactional id, or with all whose names begin so; ``deny``: may not."""
    pattern = ResourcePatternType.PREFIXED if prefixed else ResourcePatternType.LITERAL
    kind_of = AclPermissionType.DENY if deny else AclPermissionType.ALLOW
    return AclBinding(kind, name, pattern, f"User:{user}", "*", operation, kind_of)


class Administrator:
    """Of the cluster behind an address at which everybody may do everything; each method waits until it is done."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})

    def set_topic(self, topic: str, key: str, value: object) -> None:
        """Change one setting of a topic."""
        entry = ConfigEntry(key, str(value), incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
        self._client.incremental_alter_configs([resource])[resource].result(WAIT_S)

    def topics(self) -> dict[str, int]:
        """Topic → how many partitions it has."""
        found = self._client.list_topics(timeout=WAIT_S).topics
        return {name: len(topic.partitions) for name, topic in found.items()}

    def add_partition(self, topic: str) -> int:
        """Give a topic one more, and tell how many it has now."""
        wanted = self.topics()[topic] + 1
        self._client.create_partitions([NewPartitions(topic, wanted)])[topic].result(WAIT_S)
        return wanted

    def delete_topic(self, topic: str) -> None:
        """Delete a topic with all that is in it."""
        self._client.delete_topics([topic], operation_timeout=20)[topic].result(WAIT_S)

    def grant(self, rights: Iterable[Right]) -> None:
        """Allow, or deny, what is said; in force on all brokers a moment later."""
        for future in self._client.create_acls(list(rights)).values():
            future.result(WAIT_S)

    def take_away(self, one: Right) -> None:
        """Undo a ``grant``; raises ``AssertionError`` where nobody had been given it."""
        wanted = AclBindingFilter(
            one.restype,
            one.name,
            one.resource_pattern_type,
            one.principal,
            one.host,
            one.operation,
            one.permission_type,
        )
        gone = self._client.delete_acls([wanted])[wanted].result(WAIT_S)
        assert len(gone) == 1, f"{one} was not there to be taken away"

    def throttle(self, user: str, bytes_per_s: float | None) -> None:
        """Let a user write so much to each broker; None: as much as it likes."""
        host, _, port = self._bootstrap.split(",")[0].rpartition(":")
        with socket.create_connection((host, int(port)), timeout=WAIT_S) as connection:
            connection.sendall(_framed(_quota_request(user, bytes_per_s)))
            with connection.makefile("rb") as answers:
                answer = answers.read(struct.unpack(">i", answers.read(4))[0])
        # The request's number, the time to wait, the count of answers, and of the only one its error code.
        code = struct.unpack_from(">h", answer, 12)[0]
        assert code == 0, f"the quota was refused with code {code}"


def _framed(request: bytes) -> bytes:
    return struct.pack(">i", len(request)) + request


def _text(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()


def _quota_request(user: str, bytes_per_s: float | None) -> bytes:
    """Version 0: a list of one entity of one part, with one change of one number, and not only to look at."""
    header = struct.pack(">hhi", ALTER_QUOTAS, 0, 1) + _text("administrator")
    entity = struct.pack(">i", 1) + _text("user") + _text(user)
    change = _text("producer_byte_rate") + struct.pack(">d?", bytes_per_s or 0.0, bytes_per_s is None)
    return header + struct.pack(">i", 1) + entity + struct.pack(">i", 1) + change + struct.pack(">?", False)
