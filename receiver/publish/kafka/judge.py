"""What is wrong with a cluster, for us: facts in, findings out. Pure.

A finding that keeps records from going through, or breaks what consumers are promised, is a fault; all else that an
operator should know is a note. Each names the command, or the setting, that mends it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from receiver.publish.kafka.questions import ClusterSeen, TopicSeen
from receiver.publish.kafka.topics import TopicSpec, alter, retention_findings, shape_findings
from receiver.publish.ports import Finding
from receiver.publish.spread import changes

TRANSACTIONS_TOPIC = "__transaction_state"
TOPIC_KEYS = (
    "cleanup.policy",
    "max.message.bytes",
    "min.insync.replicas",
    "retention.ms",
    "retention.bytes",
    "unclean.leader.election.enable",
    "message.timestamp.type",
    "message.timestamp.after.max.ms",
    "message.timestamp.before.max.ms",
    "message.timestamp.difference.max.ms",
)
BROKER_KEYS = (
    "auto.create.topics.enable",
    "transaction.max.timeout.ms",
    "transaction.state.log.replication.factor",
    "transaction.state.log.min.isr",
)
ROOM_BYTES = 4096
"""Of a record beside its value: key, headers, the batch that it lies in."""
TIGHT_MS = 3_600_000
"""A limit on timestamps below this is said: it is what brokers have of themselves, and clocks have been wrong by it."""
CLOCK_MS = 2_000
"""A clock that is off by more is said."""
RETENTION_MS = 86_400_000
"""Events that are gone sooner are said: a consumer that was down for a day has missed some."""
TIMESTAMPS = {
    "message.timestamp.after.max.ms": "ahead",
    "message.timestamp.before.max.ms": "behind",
    "message.timestamp.difference.max.ms": "off",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is configured here."""

    specs: Sequence[TopicSpec]
    """All topics of ours, the positions topic at the end."""
    bootstrap: str
    user: str
    """As Kafka's access control names it."""
    client_id: str
    transactional: bool
    transaction_timeout_s: float
    record_bytes_max: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What was seen of the cluster."""

    seen: ClusterSeen
    configs: Mapping[str, Mapping[str, str]]
    """Topic → setting → value, for those whose settings may be looked at."""
    broker: Mapping[str, str]
    """The same of a broker, empty where it may not be looked at."""
    remembered: Mapping[str, int]
    """Topic → the number of partitions that its keys go over."""
    transactional_ids: Mapping[str, str] | None
    """Id → why it may not be used; None where the brokers know no transactions."""
    clock_off_ms: int | None
    """How far this machine's clock is ahead of the controller's."""
    quotas: Sequence[tuple[Mapping[str, str | None], Mapping[str, float]]] | None


def judge(facts: Facts, wanted: Wanted) -> list[Finding]:
    """Give all findings, in the order in which one would mend them."""
    found: list[Finding] = []
    for spec in wanted.specs:
        topic = facts.seen.topics[spec.name]
        found += _access(spec, topic, wanted)
        if topic.error:
            found += _absent(spec, topic)
        else:
            config = facts.configs.get(spec.name, {})
            found += shape_findings(
                wanted.bootstrap, spec.name, spec.purpose, len(topic.partitions), config.get("cleanup.policy")
            )
            found += _replicas(spec, topic, config, len(facts.seen.brokers), wanted)
            found += _limits(spec, config, wanted, facts.clock_off_ms)
    found += _partitions(facts, wanted)
    found += _hidden(facts, wanted)
    found += _transactions(facts, wanted)
    found += _clock(facts)
    found += _quotas(facts, wanted)
    return found


def _fault(text: str, mend: str) -> Finding:
    return Finding(fault=True, text=text, mend=mend)


def _note(text: str, mend: str = "") -> Finding:
    return Finding(fault=False, text=text, mend=mend)


def _acl(wanted: Wanted, operations: Sequence[str], resource: str) -> str:
    allowed = " ".join(f"--operation {operation}" for operation in operations)
    to_whom = f"--bootstrap-server {wanted.bootstrap} --add --allow-principal {wanted.user}"
    return f"kafka-acls.sh {to_whom} {allowed} {resource}"


def _access(spec: TopicSpec, topic: TopicSeen, wanted: Wanted) -> Iterator[Finding]:
    command = _acl(wanted, ("Read", "Write", "Describe", "DescribeConfigs"), f"--topic {spec.name}")
    if topic.error == "TOPIC_AUTHORIZATION_FAILED":
        yield _fault(f"topic {spec.name} may not be seen by this client: access control gives it no Describe", command)
    if topic.error or topic.allowed is None:
        return
    needed = ("Read", "Write") if spec.purpose == "positions" else ("Write",)
    lacking = [operation for operation in needed if operation not in topic.allowed]
    if lacking:
        yield _fault(f"topic {spec.name}: access control gives this client no {' and no '.join(lacking)}", command)
    if "Read" not in (*lacking, *topic.allowed):
        what = "a transaction that Kafka left open cannot be looked for, and nothing be read back"
        yield _note(f"topic {spec.name}: access control gives this client no Read: {what}", command)


def _absent(spec: TopicSpec, topic: TopicSeen) -> Iterator[Finding]:
    if topic.error == "UNKNOWN_TOPIC_OR_PARTITION":
        yield _fault(f"topic {spec.name} is missing", "receiver topics create")
    elif topic.error != "TOPIC_AUTHORIZATION_FAILED":
        yield _fault(f"topic {spec.name} cannot be used: {topic.error}", "see the brokers' log")


def _replicas(
    spec: TopicSpec, topic: TopicSeen, config: Mapping[str, str], brokers: int, wanted: Wanted
) -> Iterator[Finding]:
    if any(one.leader < 0 for one in topic.partitions):
        yield _fault(f"topic {spec.name} has a partition without leader", "start the brokers that hold its replicas")
    copies = min((one.assigned for one in topic.partitions), default=0)
    least = int(config.get("min.insync.replicas", "0"))  # 0: it may not be looked at
    change = alter(wanted.bootstrap, spec.name, "min.insync.replicas", max(1, copies - 1))
    if least > copies:
        yield _fault(
            f"topic {spec.name} has {copies} replicas and min.insync.replicas={least}: no write can do", change
        )
    elif any(one.in_sync < least for one in topic.partitions):
        yield _fault(
            f"topic {spec.name} has a partition with fewer replicas in sync than min.insync.replicas={least}",
            "start the brokers that hold its replicas",
        )
    elif copies > 1 and least == copies:
        yield _note(f"topic {spec.name} has min.insync.replicas={least} of {copies}: no broker may be down", change)
    elif copies > 1 and least == 1:
        yield _note(f"topic {spec.name} has min.insync.replicas={least}: one broker that dies can lose events", change)
    if copies == 1 and brokers > 1:
        yield _note(
            f"topic {spec.name} has 1 replica, and there are {brokers} brokers: one that dies takes events with it",
            "kafka-reassign-partitions.sh, and kafka.topics.replication for topics to come",
        )
    if config.get("unclean.leader.election.enable") == "true":
        yield _note(
            f"topic {spec.name} has unclean.leader.election.enable=true: events that were confirmed can be lost",
            alter(wanted.bootstrap, spec.name, "unclean.leader.election.enable", "false"),
        )


def _limits(spec: TopicSpec, config: Mapping[str, str], wanted: Wanted, off_ms: int | None) -> Iterator[Finding]:
    bytes_max = int(config.get("max.message.bytes", "0"))
    needed = (4096 if spec.purpose == "positions" else wanted.record_bytes_max) + ROOM_BYTES
    if 0 < bytes_max < needed:
        yield _fault(
            f"topic {spec.name} has max.message.bytes={bytes_max}, and a record can have {needed}",
            alter(wanted.bootstrap, spec.name, "max.message.bytes", needed)
            + (
                ""
                if spec.purpose == "positions"
                else f", or kafka.record_bytes_max = {max(1024, bytes_max - ROOM_BYTES)}"
            ),
        )
    if config.get("message.timestamp.type") != "LogAppendTime":
        for key in TIMESTAMPS.keys() & config.keys():
            yield from _timestamps(spec, key, int(config[key]), wanted, off_ms)
    yield from retention_findings(spec.name, config, off_ms)
    retention_ms = int(config.get("retention.ms", "-1"))
    if spec.purpose == "history" and 0 <= retention_ms < RETENTION_MS:
        yield _note(
            f"topic {spec.name} has retention.ms={retention_ms}: a consumer that is down for longer misses events",
            alter(wanted.bootstrap, spec.name, "retention.ms", 7 * RETENTION_MS),
        )


def _timestamps(spec: TopicSpec, key: str, limit_ms: int, wanted: Wanted, off_ms: int | None) -> Iterator[Finding]:
    way = TIMESTAMPS[key]
    off = 0 if off_ms is None else {"ahead": off_ms, "behind": -off_ms, "off": abs(off_ms)}[way]
    if off > limit_ms:
        yield _fault(
            f"topic {spec.name} has {key}={limit_ms}, and this machine's clock is {off / 1000:.1f} s {way}: "
            "Kafka refuses our timestamps",
            "set this machine's clock, and keep it with NTP",
        )
    elif limit_ms < TIGHT_MS:
        yield _note(
            f"topic {spec.name} has {key}={limit_ms}: a clock that is further {way} stops publishing until it is set",
            alter(wanted.bootstrap, spec.name, key, TIGHT_MS),
        )


def _partitions(facts: Facts, wanted: Wanted) -> Iterator[Finding]:
    events = [spec for spec in wanted.specs if spec.purpose != "positions" and not facts.seen.topics[spec.name].error]
    there = {spec.name: len(facts.seen.topics[spec.name].partitions) for spec in events}
    changed = changes(there, facts.remembered)
    for change in changed:
        text = str(change).rpartition(";")[0]
        yield _fault(text, f"receiver topics accept {change.topic}, once consumers have read what is there")
    for spec in events:
        count = there[spec.name]
        if count != spec.partitions and spec.name not in {change.topic for change in changed}:
            text = f"topic {spec.name} has {count} partitions, and kafka.topics.partitions is {spec.partitions}"
            yield _note(text, f"kafka.topics.partitions = {count}")


def _hidden(facts: Facts, wanted: Wanted) -> Iterator[Finding]:
    there = [spec.name for spec in wanted.specs if not facts.seen.topics[spec.name].error]
    hidden = [name for name in there if name not in facts.configs]
    if hidden:
        topics = " ".join(f"--topic {name}" for name in hidden)
        yield _note(
            f"settings of {', '.join(hidden)} may not be looked at: access control gives no DescribeConfigs",
            _acl(wanted, ("DescribeConfigs",), topics),
        )
    if not facts.broker:
        yield _note(
            "settings of the brokers may not be looked at: access control gives this client no DescribeConfigs",
            _acl(wanted, ("DescribeConfigs",), "--cluster"),
        )
    elif facts.broker.get("auto.create.topics.enable") == "true":
        yield _note(
            "the brokers have auto.create.topics.enable=true: others can make a topic of ours with the wrong shape by "
            "asking for it; nothing here does",
            "auto.create.topics.enable=false in the brokers' server.properties",
        )


def _transactions(facts: Facts, wanted: Wanted) -> Iterator[Finding]:
    if not wanted.transactional:
        return
    if facts.transactional_ids is None:
        yield _fault("the brokers know no transactions", 'kafka.delivery = "at_least_once"')
        return
    for one, why in facts.transactional_ids.items():
        if why:
            command = _acl(
                wanted, ("Write", "Describe"), "--transactional-id receiver- --resource-pattern-type prefixed"
            )
            text = f"transactional id {one} may not be used by this client: access control gives it no Write"
            replay = one.startswith("receiver-replay-")
            yield (
                _note(f"{text}; only `receiver replay --to kafka` needs it", command)
                if replay
                else _fault(text, command)
            )
    longest_ms = int(facts.broker.get("transaction.max.timeout.ms", "0"))
    if 0 < longest_ms < wanted.transaction_timeout_s * 1000:
        yield _fault(
            f"kafka.transaction_timeout_s is {wanted.transaction_timeout_s:g}, and the brokers allow "
            f"transaction.max.timeout.ms={longest_ms}",
            f"kafka.transaction_timeout_s = {longest_ms // 1000}",
        )
    yield from _transactions_topic(facts)


def _transactions_topic(facts: Facts) -> Iterator[Finding]:
    topic = facts.seen.topics.get(TRANSACTIONS_TOPIC, TopicSeen("TOPIC_AUTHORIZATION_FAILED"))
    copies = int(facts.broker.get("transaction.state.log.replication.factor", "0"))
    least = int(facts.broker.get("transaction.state.log.min.isr", "0"))
    brokers = len(facts.seen.brokers)
    if topic.error == "UNKNOWN_TOPIC_OR_PARTITION" and copies > brokers:
        yield _fault(
            f"no transaction can begin: transaction.state.log.replication.factor={copies}, and there are {brokers} "
            "brokers",
            "start the other brokers, or lower it in server.properties, with transaction.state.log.min.isr",
        )
    elif not topic.error and any(one.leader < 0 or one.in_sync < least for one in topic.partitions):
        yield _fault(
            f"transactions cannot go on: a partition of {TRANSACTIONS_TOPIC} has no leader, or fewer replicas in sync "
            f"than transaction.state.log.min.isr={least}",
            "start the brokers that hold its replicas",
        )


def _clock(facts: Facts) -> Iterator[Finding]:
    if facts.clock_off_ms is None:
        yield _note("the brokers' clock could not be asked (Describe on the cluster, and brokers from 3.3 on)")
    elif abs(facts.clock_off_ms) > CLOCK_MS:
        way = "ahead of" if facts.clock_off_ms > 0 else "behind"
        yield _note(
            f"this machine's clock is {abs(facts.clock_off_ms) / 1000:.1f} s {way} the brokers'", "keep both with NTP"
        )


def _quotas(facts: Facts, wanted: Wanted) -> Iterator[Finding]:
    if facts.seen.throttled_ms > 0:
        yield _note(f"the brokers throttle this client: a question waited {facts.seen.throttled_ms} ms")
    for entity, values in facts.quotas or ():
        user, client = entity.get("user", ""), entity.get("client-id", "")
        ours = user in {"", None, wanted.user.removeprefix("User:")} and client in {"", None, wanted.client_id}
        rate = values.get("producer_byte_rate")
        if ours and rate is not None:
            whom = ", ".join(f"{kind} {name or 'by default'}" for kind, name in entity.items())
            yield _note(f"a quota of {rate:.0f} bytes/s holds for what {whom} writes: a backlog drains at that pace")
